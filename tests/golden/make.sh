#!/bin/sh
# Made the vault in version-1/, once, with the programs of the first release. It stays as it is: a later version must read what this one wrote. A later
# format gets a directory of its own.
#
#   sh tests/golden/make.sh DIRECTORY-OF-THE-BINARIES NEW-DIRECTORY
set -eu
PATH=$1:$PWD/tests/plugins:$PATH
out=$2
work=$(mktemp -d)
mkdir "$out"
out=$(cd "$out" && pwd)
export HOME="$work" XDG_CONFIG_HOME="$work/alice" XDG_STATE_HOME="$work/state" GIT_CONFIG_NOSYSTEM=1 TZ=UTC
git init -q -b main "$work/vault"
cd "$work/vault"
git config user.name Alice
git config user.email alice@fleet.example
as_bob() { FLEETVAULT_SIGNING_KEY=$out/bob_signing_key fleetvault "$@"; }
key() { fleetvault keygen --member "${1%.new}" -o "$out/$1.txt"; }
signing_key() {
    ssh-keygen -q -t ed25519 -N '' -C "throw-away key of the golden vault" -f "$out/$1"
    cut -d' ' -f1,2 "$out/$1.pub"
}

fleetvault init --author alice
for member in dev rev gone; do
    fleetvault member add $member --recipient "$(key $member)"
done
signing_key host_key > "$work/host"
fleetvault member add host --recipient "$(cat "$work/host")" --note 'an SSH host key'
age-plugin-fleettest --keygen > "$out/hardware.txt"
hardware=$(sed -n 's/^# recipient: //p' "$out/hardware.txt" | tail -1)
fleetvault member add hardware --recipient "$hardware"
fleetvault member add two-keys --recipient "$(key two-keys)" --recipient "$(age-keygen 2>/dev/null | tee "$out/second.txt" | sed -n 's/^# public key: //p')"

fleetvault group add team dev gone
fleetvault group add old-team rev
printf 'for everyone, from the first epoch' | fleetvault set shared/first
printf 'for the team' | fleetvault set prod/db/password --members @team
printf 'for dev, without a network' | fleetvault set dev_only --members dev --network deny --note 'what "it" is for: C:\temp' --expires 2099-01-01
printf 'several\nlines, tabs\tand ünïcode\n' | fleetvault set lines --members '@team,host' --keep-newline --network confirm
printf '\000\001\377bytes' | fleetvault set bytes --members dev,rev
printf 'for the host' | fleetvault set host/token --members host
printf 'for the plugin' | fleetvault set hardware --members hardware
printf 'for one with two keys' | fleetvault set two --members two-keys
printf 'taken away' | fleetvault set taken_away --members rev
fleetvault rm taken_away

fleetvault author add bob --key "$(signing_key bob_signing_key)"
printf 'signed by bob' | as_bob set from_bob --members dev
fleetvault author add carol --key "$(signing_key carol_signing_key)"
FLEETVAULT_SIGNING_KEY=$out/carol_signing_key fleetvault touch two
fleetvault author threshold 2
fleetvault author remove carol --proposal root-5.proposal
as_bob author sign --yes root-5.proposal

fleetvault group remove old-team
fleetvault member remove gone
printf 'for everyone, from the second epoch' | fleetvault set shared/second
fleetvault group grant keepers rev
fleetvault member rekey two-keys --recipient "$(key two-keys.new)"
fleetvault verify

cp -R "$work/vault" "$out/vault"
rm -rf "$out/vault/.git" "$out/vault"/*.proposal
cp "$work/alice/fleetvault/identity.txt" "$out/alice.txt"
cp "$work/alice/fleetvault/signing_key" "$out/alice_signing_key"
rm -rf "$work" "$out"/*.pub
