//! A process that uses a store of secrets as Codchi does, told by lines of JSON on its stdin and answering with lines on its stdout.
//! The keyring is the one of its session, so each test has it in a process of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test's program")]

use std::{io::BufRead as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use codchi_controller::secret::{SecretId, SecretValue};
use serde_json::{Value, json};

#[tokio::main]
async fn main() {
    let [kind, data] = std::env::args().skip(1).collect::<Vec<_>>().try_into().unwrap();
    let [keyring, vault] = codchi_secrets::stores(Path::new(&data), None);
    let store = if kind == "vault" { vault } else { keyring };
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let id = SecretId::Machine {
            machine: "web".parse().unwrap(),
            secret: request["secret"].as_str().unwrap_or_default().to_owned(),
        };
        let value =
            request["value"].as_str().map(|text| SecretValue::new(BASE64.decode(text).unwrap()).unwrap());
        let answer = match request["do"].as_str().unwrap() {
            "opened" => {
                store.opened().await;
                Ok(json!("done"))
            }
            "state" => Ok(json!(store.state().await)),
            "get" => {
                store.get(&id).await.map(|value| json!(value.map(|value| value.to_base64().to_string())))
            }
            "set" => store.set(&id, value.as_ref().unwrap()).await.map(|()| json!("done")),
            "remove" => store.remove(&id).await.map(|()| json!("done")),
            _ => store.unlock(value.as_ref()).await.map(|()| json!("done")),
        };
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
}
