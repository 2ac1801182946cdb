//! The last step: a token of the service account is exchanged at Entra ID, as a pod would, until that works for good.
//!
//! Tokens live in this file only and are dropped after each try. A probe that fails undoes nothing: what was made is right, and
//! the next apply tries again.

use std::time::Duration;

use super::model::Model;
use crate::azure::{Azure, ErrorKind, Secret};
use crate::context::Context;
use crate::domain::binding::advice;
use crate::domain::binding::usable::{Exchange, Streak, Verdict};
use crate::error::{Error, Result};
use crate::kubernetes::{Client, Kind};
use crate::wait::Interrupted;

/// How long a requested token lives, in seconds: the shortest that an API server gives.
const LIFETIME: i64 = 600;

/// Why it is not known that a binding is usable.
enum Unproven {
    /// It could not be tried, or will not pass by waiting.
    Cannot(Error),
    /// It was tried in vain until the timeout.
    InVain(Error),
    /// The user asked to stop.
    Stopped,
}

/// Whether a change of the binding asks for a new probe.
pub(in crate::resources) fn is_due(prior: Option<&Model>, plan: &Model) -> bool {
    let Some(prior) = prior else { return plan.wait_until_usable != Some(false) };
    match plan.wait_until_usable {
        Some(false) => false,
        Some(true) if prior.usable != Some(true) => true,
        _ => prior.usable == Some(false) || touches(prior, plan),
    }
}

/// Whether a change may make a usable binding unusable.
pub(in crate::resources) fn touches(prior: &Model, plan: &Model) -> bool {
    prior.issuer != plan.issuer
        || prior.audience != plan.audience
        || prior.subject != plan.subject
        || prior.credential_id != plan.credential_id
        || prior.client_id != plan.client_id
        || prior.service_account != plan.service_account
}

/// Tries the binding. The answer is what `usable` becomes; with `wait_until_usable = true` nothing but success is good enough.
pub(in crate::resources) async fn prove(context: &Context, now: &Model) -> Result<Option<bool>> {
    let clients = context.clients()?;
    let must = now.wait_until_usable == Some(true);
    match attempt(context, clients.azure()?, clients.kubernetes()?, now).await {
        Ok(()) => Ok(Some(true)),
        Err(Unproven::Cannot(error) | Unproven::InVain(error)) if must => Err(tainted(error).at("wait_until_usable")),
        Err(Unproven::Cannot(warning)) => {
            context.warn(warning.at("wait_until_usable"));
            Ok(None)
        }
        Err(Unproven::InVain(warning)) => {
            context.warn(warning.at("wait_until_usable"));
            Ok(Some(false))
        }
        Err(Unproven::Stopped) => {
            context.warn(Error::new(
                "The binding was not tried to the end",
                "Everything is made, and the wait for Entra ID to accept a token was interrupted. The next apply tries again.",
            ));
            Ok(Some(false))
        }
    }
}

async fn attempt(
    context: &Context,
    azure: &Azure,
    kubernetes: &Client,
    now: &Model,
) -> std::result::Result<(), Unproven> {
    let patience = azure.patience();
    let mut streak = Streak::default();
    let mut pause = patience.before_probe;
    loop {
        match context.wait.sleep(pause).await {
            Ok(()) => {}
            Err(Interrupted::Cancelled) => return Err(Unproven::Stopped),
            Err(Interrupted::Deadline) => return Err(Unproven::InVain(in_vain(now, &streak))),
        }
        let exchange = exchange(context, azure, kubernetes, now).await?;
        // What ended with the time is no answer of Entra ID's.
        if exchange != Exchange::Accepted && context.wait.check() == Err(Interrupted::Deadline) {
            return Err(Unproven::InVain(in_vain(now, &streak)));
        }
        tracing::info!(
            credential = now.id,
            ?exchange,
            accepted_in_a_row = streak.accepted,
            needed = patience.probes,
            "tried whether the binding is usable"
        );
        match streak.count(exchange, patience.probes) {
            Verdict::Usable => return Ok(()),
            Verdict::Again if streak.accepted % patience.probes_at_once.max(1) != 0 => pause = Duration::ZERO,
            Verdict::Again => pause = patience.next_probe(),
            Verdict::Never(why) => return Err(Unproven::Cannot(refused(now, &why))),
        }
    }
}

/// One exchange: a token of the account in, and what Entra ID says to it.
async fn exchange(
    context: &Context,
    azure: &Azure,
    kubernetes: &Client,
    now: &Model,
) -> std::result::Result<Exchange, Unproven> {
    let wait = &context.wait;
    let Some(account) = &now.service_account else { return Ok(Exchange::Refused("there is no account".to_owned())) };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name, audiences) = (&account.namespace, &account.name, [text(&now.audience)]);
    let token = match kubernetes.service_account_token(namespace, name, &audiences, LIFETIME, wait).await {
        Ok(token) => Secret::new(token.token),
        Err(error) => {
            return match error.kind {
                Kind::Lost | Kind::Server | Kind::Throttled | Kind::TimedOut => {
                    Ok(Exchange::NotYet(error.message.clone()))
                }
                Kind::Cancelled => Err(Unproven::Stopped),
                Kind::Forbidden => Err(Unproven::Cannot(no_right(namespace, name, &Error::from(error)))),
                _ => Err(Unproven::Cannot(no_way(namespace, name, &Error::from(error)))),
            };
        }
    };
    let client_id = text(&now.client_id);
    let Err(error) = azure.exchange(&text(&now.tenant_id), &client_id, &token, wait).await else {
        return Ok(Exchange::Accepted);
    };
    let told = match &error.code {
        Some(code) => format!("{code}: {}", error.message),
        None => error.message.clone(),
    };
    match error.kind {
        ErrorKind::Cancelled => Err(Unproven::Stopped),
        _ if error.is_not_known_yet() => Ok(Exchange::NotYet(told)),
        ErrorKind::Network | ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Timeout => {
            Ok(Exchange::NotYet(told))
        }
        _ => Ok(Exchange::Refused(told)),
    }
}

fn no_right(namespace: &str, name: &str, error: &Error) -> Error {
    Error::new(
        "Whether the binding is usable was not tried: no right to request a token",
        format!(
            "{}\n\nThe credential, the service account and the roles are made. To have them tried, bind this Role to whoever \
             applies; to do without, set `wait_until_usable = false`.\n\n{}",
            error.detail,
            advice::token_role(namespace, name)
        ),
    )
}

fn no_way(namespace: &str, name: &str, error: &Error) -> Error {
    Error::new(
        "Whether the binding is usable was not tried",
        format!(
            "No token of service account \"{namespace}/{name}\" could be requested: {}\n\nThe credential, the service account and the \
             roles are made. To do without the try, set `wait_until_usable = false`.",
            error.detail
        ),
    )
}

fn refused(now: &Model, why: &str) -> Error {
    Error::new(
        "Entra ID refuses the binding's token for a reason that waiting does not end",
        format!(
            "{why}\n\nThe credential {} is made and agrees with the service account. Conditional Access for workload identities, or \
             a disabled service principal, refuses like this.",
            now.id.as_deref().unwrap_or_default()
        ),
    )
}

fn in_vain(now: &Model, streak: &Streak) -> Error {
    let last = match &streak.last {
        Some(last) => format!("{} tries, the last refusal: {last}", streak.tries),
        None if streak.tries == 0 => "no time was left for a try".to_owned(),
        None => format!("{} tries, all accepted, but too few before the timeout", streak.tries),
    };
    Error::new(
        "The binding is made, but not usable yet",
        format!(
            "Entra ID did not accept tokens of the service account several times in a row before the timeout: {last}\n\nOn: {}\n\nA \
             new credential takes some minutes to spread, and Entra ID must reach the issuer's keys over the internet. The next \
             apply tries again; `timeouts` says for how long.",
            now.id.as_deref().unwrap_or_default()
        ),
    )
}

/// With `wait_until_usable = true` a create must fail, and Terraform then plans to replace what the state has.
fn tainted(mut error: Error) -> Error {
    error.detail.push_str(
        "\n\nEverything that was made is in the state. Where this was a create, Terraform has marked the binding as tainted and would \
         make it anew, which begins the wait anew: `terraform untaint ADDRESS` first, and the next apply only tries again.",
    );
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(changes: &serde_json::Value) -> Model {
        let mut json = json!({"user_assigned_identity_id": "/i", "issuer": "https://i/", "audience": "a", "subject": "s",
            "credential_id": "/i/c", "client_id": "c", "usable": true,
            "service_account": {"namespace": "n", "name": "a"}});
        for (name, value) in changes.as_object().unwrap() {
            json[name] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_probe_is_due_after_a_change_that_matters_and_after_one_in_vain() {
        let prior = |usable: serde_json::Value| model(&json!({ "usable": usable }));
        let due = |usable: serde_json::Value, plan: serde_json::Value| is_due(Some(&prior(usable)), &model(&plan));
        assert!(is_due(None, &model(&json!({}))) && !is_due(None, &model(&json!({"wait_until_usable": false}))));
        assert!(!due(json!(true), json!({})), "nothing changed");
        assert!(!due(json!(true), json!({"role_assignments": []})), "roles make no difference to an exchange");
        assert!(due(json!(true), json!({"issuer": "https://j/"})));
        assert!(due(json!(true), json!({"service_account": {"namespace": "n", "name": "a", "annotate": false}})));
        assert!(due(json!(false), json!({})), "it was tried in vain");
        assert!(!due(json!(null), json!({})), "what could not be tried is not tried in every run");
        assert!(due(json!(null), json!({"wait_until_usable": true})), "unless it must be");
        assert!(!due(json!(false), json!({"wait_until_usable": false, "issuer": "https://j/"})));
    }
}
