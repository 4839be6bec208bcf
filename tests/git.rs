//! The git layer against real `git`: what it reads, what it writes, what it refuses, and what is
//! left when it is killed. Nothing here but what begins with `merging` knows the file format.

#[path = "support/mod.rs"]
mod fleet;

mod git {
    mod child;
    mod crashing;
    mod disk;
    mod merging;
    mod merging_older;
    mod merging_operations;
    mod merging_refused;
    mod reading;
    mod recovering;
    mod refusing;
    mod signing;
    mod support;
    mod together;
    mod writing;
}
