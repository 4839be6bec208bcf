//! The server: which tools there are, what they are asked, and how results and refusals are told.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use glob::Pattern;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
        DiscoverResult, ErrorCode, Implementation, InitializeRequestParams, InitializeResult, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use tokio::sync::SetOnce;
use vault_format::MemberName;

use super::{
    command::Commands,
    confirm::Call,
    desk::{Desk, Got, Wanted},
    messages::{
        CheckResult, ListArguments, ListResult, ListedCredential, RenderArguments, RenderResult, ResolveResult,
        TemplateArguments, arguments, done,
    },
    options::Options,
    tools::{ToolName, named},
};
use crate::{
    cli::{Failure, time},
    resolver::{
        mask,
        policy::Purpose,
        template::{SYNTAX, Template},
    },
    terminal::{
        report::{self, Report},
        style::Style,
    },
};

/// How many credentials one list names.
const LISTED_MAX: usize = 500;

/// The server for one member.
pub(super) struct Server {
    /// Is there as soon as the vault is open; if it cannot be opened, the server ends.
    desk: Arc<SetOnce<Arc<Desk>>>,
    commands: Arc<Commands>,
    options: Options,
}

impl Server {
    pub(super) fn new(desk: Arc<SetOnce<Arc<Desk>>>, options: Options) -> Self {
        Self {
            desk,
            commands: Arc::default(),
            options,
        }
    }

    /// The commands that it runs.
    pub(super) fn commands(&self) -> Arc<Commands> {
        Arc::clone(&self.commands)
    }

    async fn call(&self, tool: ToolName, call: &Call<'_>) -> Result<CallToolResponse, Failure> {
        match tool {
            ToolName::ListCredentials => self.list(read(call)?).await,
            ToolName::CheckTemplate => self.check(read(call)?).await,
            ToolName::RunCommand => {
                self.commands
                    .run(read(call)?, self.desk.wait().await, &self.options, call)
                    .await
            }
            ToolName::ResolveTemplate => self.resolve(read(call)?, call).await,
            ToolName::RenderFile => self.render(read(call)?, call).await,
        }
    }

    async fn list(&self, arguments: ListArguments) -> Result<CallToolResponse, Failure> {
        let pattern = arguments.pattern.as_deref().unwrap_or("*");
        let pattern = Pattern::new(pattern)
            .map_err(|error| Report::new(2, "usage", format!("'{pattern}' is no pattern: {}", error.msg)))?;
        let listing = self.desk.wait().await.list().await?;
        let now = time::now();
        let mut matching = listing.own.iter().filter(|one| pattern.matches(one.name.as_str()));
        let credentials: Vec<ListedCredential> = matching
            .by_ref()
            .take(LISTED_MAX)
            .map(|one| ListedCredential {
                name: one.name.to_string(),
                network: one.terms.network.to_string(),
                expires: one.terms.expires.map(|time| time.to_string()),
                expired: one.terms.expires.is_some_and(|time| time <= now),
                note: one.terms.note.clone(),
            })
            .collect();
        let result = ListResult {
            credentials,
            omitted: matching.count(),
            untrusted: listing.broken,
        };
        let text = result.text();
        done(&result, text)
    }

    async fn check(&self, arguments: TemplateArguments) -> Result<CallToolResponse, Failure> {
        let template = Template::parse(arguments.template.as_bytes())?;
        let names: BTreeSet<_> = template.names().into_iter().cloned().collect();
        let credentials: Vec<String> = names.iter().map(ToString::to_string).collect();
        self.desk.wait().await.check(names).await?;
        let text = match credentials.len() {
            0 => format!("no reference in it; one is written {SYNTAX}"),
            _ => format!("usable: {}", credentials.join(", ")),
        };
        done(&CheckResult { credentials }, text)
    }

    async fn resolve(&self, arguments: TemplateArguments, call: &Call<'_>) -> Result<CallToolResponse, Failure> {
        let template = Template::parse(arguments.template.as_bytes())?;
        let shown = "putting its value into a text that is given to the client".to_owned();
        match self.expand(&template, shown, call).await? {
            Expanded::Text(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                done(&ResolveResult { text: text.clone() }, text)
            }
            Expanded::Question(question) => Ok(question),
        }
    }

    async fn render(&self, arguments: RenderArguments, call: &Call<'_>) -> Result<CallToolResponse, Failure> {
        if self.options.writable.is_empty() {
            return Err(Report::new(7, "not_allowed", "no file may be written here")
                .hint("the launch names the directories in which files may be written: --allow-write DIR")
                .into());
        }
        let template = Template::parse(arguments.template.as_bytes())?;
        // Before anything is opened for it.
        let place = self
            .options
            .writable
            .place(&self.options.directory, Path::new(&arguments.path))?;
        let shown = format!("putting its value into the file {}", arguments.path);
        let text = match self.expand(&template, shown, call).await? {
            Expanded::Text(text) => text,
            Expanded::Question(question) => return Ok(question),
        };
        let path = place.write(&text)?;
        let result = RenderResult {
            path: path.display().to_string(),
            bytes: text.len(),
        };
        let text = format!("wrote {} bytes to {}", result.bytes, result.path);
        done(&result, text)
    }

    /// Puts the values in.
    async fn expand(&self, template: &Template<'_>, shown: String, call: &Call<'_>) -> Result<Expanded, Failure> {
        let wanted = Wanted {
            names: template.names().into_iter().cloned().collect(),
            purpose: Purpose::Expand,
            command: Vec::new(),
            with: Vec::new(),
            shown: vec![shown],
        };
        match self.desk.wait().await.get(wanted, call).await? {
            Got::Values(values, _) => Ok(Expanded::Text(
                template.render(|name| values.get(name).map(|value| value.expose()))?,
            )),
            Got::Question(question) => Ok(Expanded::Question(question.into())),
        }
    }

    /// A refusal as the model reads it. Whatever this process opened is masked in it, wherever it came from.
    fn refusal(&self, failure: &Failure) -> CallToolResult {
        let mut text = Vec::new();
        // Writing to a vector cannot fail.
        let _ = report::print(&failure.0, false, Style::PLAIN, &mut text);
        CallToolResult::error(vec![ContentBlock::text(self.masked(&text))])
    }

    fn masked(&self, text: &[u8]) -> String {
        let mut masked = Vec::new();
        match self.desk.get() {
            // Reading from memory and writing to it cannot fail.
            Some(desk) => drop(mask::copy(text, &mut masked, &mut desk.masker.stream())),
            // Nothing was opened yet.
            None => masked.extend_from_slice(text),
        }
        String::from_utf8_lossy(&masked).trim_end().to_owned()
    }

    fn instructions(&self, member: &MemberName) -> String {
        let mut text = format!(
            "You act as member '{member}' of a fleetvault, and may use the credentials that are in its scope. Where a value belongs, write \
             <<secure.NAME>>, as in <<secure.github_pat>>, in the arguments of run_command; list_credentials shows the names. Filters follow a \
             bar: <<secure.NAME | base64>>, urlencode, tojson, shell_quote. A value is put in for that command only and is never shown: in what \
             the command prints it is masked as [REDACTED:NAME]. You need no plaintext; do not ask the user for one, and do not try to get one \
             past the mask. A refusal names who may use a credential; report it rather than working around it."
        );
        if !self.options.allowed.is_all() {
            text.push_str(&format!(
                " Commands are limited to those that begin with {}, given as argv.",
                self.options.allowed.list()
            ));
        }
        text
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let itself = Implementation::new("fleetvault", env!("CARGO_PKG_VERSION")).with_title("fleetvault");
        let config = ServerConfig::new(ServerCapabilities::builder().enable_tools().build()).with_server_info(itself);
        match self.desk.get() {
            Some(desk) => config.with_instructions(self.instructions(desk.member())),
            None => config,
        }
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        // What is said names the member.
        self.desk.wait().await;
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.desk.wait().await;
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let offered = ToolName::ALL
            .into_iter()
            .filter(|tool| self.options.reveal || !tool.reveals());
        Ok(ListToolsResult::with_all_items(offered.map(ToolName::tool).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        named(name, self.options.reveal).map(ToolName::tool)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = named(&request.name, self.options.reveal) else {
            let message = self.masked(format!("unknown tool: {}", request.name).as_bytes());
            return Err(ErrorData::invalid_params(message, None));
        };
        let call = Call {
            request: &request,
            context: &context,
        };
        match self.call(tool, &call).await {
            Ok(response) => Ok(response),
            Err(failure) => Ok(self.refusal(&failure).into()),
        }
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        // The name is the client's, and is quoted like all that is: masked.
        let message = self.masked(request.method.as_bytes());
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None))
    }
}

/// What became of a template.
enum Expanded {
    Text(zeroize::Zeroizing<Vec<u8>>),
    Question(CallToolResponse),
}

fn read<A: serde::de::DeserializeOwned>(call: &Call<'_>) -> Result<A, Failure> {
    arguments(call.request.arguments.clone()).map_err(|problem| {
        Report::new(2, "usage", format!("wrong arguments: {problem}"))
            .hint("nothing in a call can name another member, vault or directory; those are fixed at launch")
            .into()
    })
}
