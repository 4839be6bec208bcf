//! The server beside a bare one with a single tool that gives back what it got, and the resolver's own part of an answer beside nothing but its
//! cryptography.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, mpsc::channel},
    time::{Duration, Instant},
};

use fleetvault::{
    cli::time::now,
    resolver::{Expectation, IdentitySource, Launch, Session, template::Template},
    vault::{Access, Repository, Vault},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::io::stdio_pipes,
};
use serde_json::{Value, json};
use vault_format::{Credential, Kind};

use crate::{
    signed_files,
    timing::{Promise, print, print_figure, ratios},
    vaults::Fixture,
};

/// How often each request is made.
const REQUESTS: usize = 2_001;

/// How often a server is started.
const STARTS: usize = 101;

/// How many credentials are opened for the first time.
const OPENED: usize = 300;

/// The argument with which this program is the bare server.
pub const BARE: &str = "--bare-mcp-server";

/// `mcp` beside the bare server: starting, and answering.
pub fn serving() {
    let fixture = Fixture::new(100);
    fixture.credentials((0..1000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let ours = || fixture.resolver("m1", &["mcp", "--reveal"]);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for start in 0..=STARTS {
        let pair = (start_to_tools(ours()), start_to_tools(bare()));
        if start > 0 {
            first.push(pair.0);
            second.push(pair.1);
        }
    }
    print(
        "mcp: start to tools/list / of a bare server",
        2.0,
        &ratios(first, second),
    );

    let mut server = Server::start(ours());
    let mut echo = Server::start(bare());
    println!("  idle memory of mcp: {} KiB (at most 20480)", server.memory());
    let template = json!({ "template": "token = <<secure.c500>>" });
    for tool in ["check_template", "resolve_template"] {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for request in 0..=REQUESTS {
            let pair = (server.time(tool, &template), echo.time("echo", &template));
            if request > 0 {
                first.push(pair.0);
                second.push(pair.1);
            }
        }
        print(
            &format!("mcp: {tool} / echo of a bare server"),
            3.0,
            &ratios(first, second),
        );
    }
}

/// What a resolver does for an answer, without any protocol.
pub fn resolving() {
    let fixture = Fixture::new(100);
    fixture.credentials((0..1000).map(|n| (format!("c{n}"), vec!["m1".into()])));
    let source = IdentitySource::Path(fixture.identity("m1"));
    let launch = Launch {
        directory: fixture.vault(),
        reference: "HEAD".into(),
        identity: source.contents().unwrap().into(),
        source,
        expectation: Expectation::default(),
        state: Some(fixture.path("state/fleetvault")),
    };
    let session = Session::start(Arc::new(launch), |_| {}).unwrap();
    for name in ["c1", "c500"] {
        // The first one finds the vault, and the second its folder.
        resolve(&session, name, 1);
    }
    let warm = resolve(&session, "c500", REQUESTS);
    let each = warm.as_secs_f64() * 1e6 / REQUESTS as f64;
    print_figure(
        "a warm resolve, without the protocol",
        each,
        "µs",
        Promise::AtMost(20.0),
    );

    let files = signed_files(&fixture.vault().join("credentials"));
    let repository = Repository::open(&fixture.vault(), Access::Read).unwrap();
    let vault = Vault::load(repository.snapshot("HEAD").unwrap(), None).unwrap();
    let key: ssh_key::PublicKey = vault.authority().root().authors[0].key.to_string().parse().unwrap();
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"value-of-c500").unwrap();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for (number, (message, signature)) in files.iter().take(OPENED).enumerate() {
        ours.push(resolve(&session, &format!("c{}", number + 600), 1));
        let start = Instant::now();
        let signature: ssh_key::SshSig = signature.parse().unwrap();
        key.verify(Credential::NAMESPACE, message, &signature).unwrap();
        age::decrypt(&own, &sealed).unwrap();
        bare.push(start.elapsed());
    }
    print(
        "a first resolve / one signature check and one age unwrap",
        1.5,
        &ratios(ours, bare),
    );
}

/// Has a credential resolved so often, and tells how long that took from the first to the last answer, waiting for none in between.
fn resolve(session: &Session, name: &str, times: usize) -> Duration {
    let (tell, told) = channel();
    let source = format!("token = <<secure.{name}>>");
    let tell_start = tell.clone();
    // Its thread is awake from here on.
    session.ask(move |resolver| {
        assert!(resolver.is_ok());
        tell_start.send(Instant::now()).is_ok()
    });
    for _ in 0..times {
        let (tell, source) = (tell.clone(), source.clone());
        session.ask(move |resolver| {
            let resolver = resolver.unwrap();
            let template = Template::parse(source.as_bytes()).unwrap();
            let permitted = resolver.permit_all(template.names(), now());
            let values = resolver.open_all(&permitted.ok().unwrap()).ok().unwrap();
            let text = template
                .render(|name| values.get(name).map(|value| value.expose()))
                .unwrap();
            assert!(text.starts_with(b"token = value-of-"));
            tell.send(Instant::now()).is_ok()
        });
    }
    drop(tell);
    let moments: Vec<Instant> = told.iter().collect();
    moments[times] - moments[0]
}

/// A server at the other end of two pipes.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Server {
    /// Starts a server, and lists its tools.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut server = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            next: 1,
        };
        server.ask(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } }),
        );
        server.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let tools = server.ask("tools/list", json!({}));
        assert!(tools["result"]["tools"].is_array(), "{tools}");
        server
    }

    fn say(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn time(&mut self, tool: &str, arguments: &Value) -> Duration {
        let start = Instant::now();
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let taken = start.elapsed();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        taken
    }

    /// Its resident memory, in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_to_tools(command: Command) -> Duration {
    let start = Instant::now();
    let server = Server::start(command);
    let taken = start.elapsed();
    drop(server);
    taken
}

fn bare() -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(BARE);
    command
}

/// What any server must do at least.
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({ "type": "object" }).as_object().cloned().unwrap_or_default();
        let echo = Tool::new("echo", "Gives back what it got.", Arc::<JsonObject>::new(schema));
        Ok(ListToolsResult::with_all_items(vec![echo]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = request.arguments.unwrap_or_default()["template"].to_string();
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// Serves [`Echo`] until standard input ends.
pub fn serve_bare() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let serving = Echo.serve(stdio_pipes()).await.unwrap();
        serving.waiting().await.unwrap();
    });
}
