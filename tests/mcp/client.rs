//! The client that belongs to the protocol's own library for Rust, which starts the server as its child.

use std::{fs, future::Future};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult,
        ElicitationAction, ErrorData, Implementation, ProtocolVersion,
    },
    service::{RequestContext, RunningService},
    transport::TokioChildProcess,
};
use serde_json::{Value, json};

use crate::{TOKEN, fleet, pipe::Serves, support::Fleet};

/// Somebody in front of the client, who answers every question in one way; nobody where there is no answer.
#[derive(Clone)]
struct Person(Option<ElicitationAction>);

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let capabilities = match &self.0 {
            Some(_) => ClientCapabilities::builder().enable_elicitation().build(),
            None => ClientCapabilities::default(),
        };
        ClientConfig::new(capabilities, Implementation::new("person", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, .. } = request else {
            panic!("it asks by a link");
        };
        assert!(
            message.starts_with("member 'dev' wants to use 'token' to run this command:"),
            "{message}"
        );
        let action = self.0.clone().unwrap();
        let answer = ElicitResult::new(action);
        Ok(match answer.action {
            ElicitationAction::Accept => answer.with_content(json!({ "agree": true })),
            _ => answer,
        })
    }
}

type Client = RunningService<RoleClient, Person>;

async fn client(fleet: &Fleet, modern: bool, answer: Option<ElicitationAction>) -> Client {
    let server = TokioChildProcess::new(tokio::process::Command::from(fleet.server_command(&[]))).unwrap();
    let person = Person(answer);
    match modern {
        true => {
            let mode = ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            };
            person.serve_with_lifecycle(server, mode).await.unwrap()
        }
        false => person.serve(server).await.unwrap(),
    }
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else {
        unreachable!()
    };
    let call = CallToolRequestParams::new(tool).with_arguments(arguments);
    let result = client.call_tool(call).await.unwrap();
    assert!(!format!("{result:?}").contains(TOKEN));
    result
}

fn text(result: &CallToolResult) -> String {
    result.content[0].as_text().unwrap().text.clone()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn touch() -> Value {
    json!({ "argv": ["touch", "ran", "<<secure.token>>"] })
}

#[test]
fn it_lists_checks_runs_and_is_refused() {
    let fleet = fleet();
    for modern in [false, true] {
        wait(async {
            let client = client(&fleet, modern, None).await;
            let tools = client.list_all_tools().await.unwrap();
            let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
            assert_eq!(names, ["list_credentials", "check_template", "run_command"]);
            assert!(
                tools
                    .iter()
                    .all(|tool| tool.output_schema.is_some() && tool.annotations.is_some())
            );
            let listed = call(&client, "list_credentials", json!({})).await;
            assert_eq!(text(&listed), "other\ntoken");
            assert_eq!(listed.structured_content.unwrap()["credentials"][1]["name"], "token");
            let checked = call(&client, "check_template", json!({ "template": "<<secure.token>>" })).await;
            assert_eq!(checked.structured_content.unwrap(), json!({ "credentials": ["token"] }));
            let ran = call(&client, "run_command", json!({ "argv": ["echo", "<<secure.token>>"] })).await;
            assert_eq!(text(&ran), "exit code 0\n--- stdout\n[REDACTED:token]\n");
            assert_eq!(ran.is_error, Some(false));
            let refused = call(
                &client,
                "run_command",
                json!({ "argv": ["touch", "ran", "<<secure.private>>"] }),
            )
            .await;
            assert_eq!(refused.is_error, Some(true));
            assert_eq!(
                text(&refused).lines().next(),
                Some("Credential 'private' is not accessible to member 'dev'. Allowed: alice")
            );
            client.cancel().await.unwrap();
        });
    }
    assert!(!fleet.path("ran").exists());
}

#[test]
fn it_puts_the_question_to_a_person() {
    let fleet = fleet();
    fleet.fleetvault(&["scope", "token", "--network", "confirm"]).ok();
    for modern in [false, true] {
        for (answer, says) in [
            (Some(ElicitationAction::Accept), None),
            (Some(ElicitationAction::Decline), Some("did not agree")),
            (Some(ElicitationAction::Cancel), Some("did not agree")),
            (None, Some("and there is nobody to ask")),
        ] {
            let called = wait(async {
                let client = client(&fleet, modern, answer.clone()).await;
                let called = call(&client, "run_command", touch()).await;
                client.cancel().await.unwrap();
                called
            });
            assert_eq!(fs::remove_file(fleet.path("ran")).is_ok(), says.is_none(), "{answer:?}");
            assert_eq!(called.is_error, Some(says.is_some()));
            assert!(says.is_none_or(|says| text(&called).contains(says)), "{called:?}");
        }
    }
}
