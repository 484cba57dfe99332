//! How each provider is spoken to: the path of an API, what is shown to it, what it refuses in a body. One file each.
//!
//! Not here: connections, and where secrets come from.

mod anthropic;
mod azure_foundry;
mod azure_openai;
mod github_copilot;
mod github_models;
mod openai;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use kars_contract::router::Provider;

use super::api::Api;
use super::edit::Edits;
use super::question::Question;

pub(crate) use github_copilot::EDITOR;

/// A provider's ways.
pub struct Ways {
    /// The path of an API, from the path of the endpoint; absent where the provider does not serve the API.
    pub path: fn(endpoint: &str, api: Api) -> Option<String>,
    /// Shows what the provider asks for.
    pub authorize: fn(shown: &Shown<'_>, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue>,
    /// Takes out of a body what the provider refuses.
    pub adapt: for<'a> fn(api: Api, question: &Question<'a>, edits: &mut Edits<'a>),
}

/// What is shown to a provider.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// A key, as its console gives it.
    Key(&'a str),
    /// A token that was exchanged for something else.
    Token(&'a str),
}

impl<'a> Shown<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Key(text) | Self::Token(text) => text,
        }
    }
}

/// The ways of a provider.
#[must_use]
pub fn ways(provider: Provider) -> &'static Ways {
    match provider {
        Provider::AzureOpenai => &azure_openai::WAYS,
        Provider::AzureFoundry => &azure_foundry::WAYS,
        Provider::GithubCopilot => &github_copilot::WAYS,
        Provider::GithubModels => &github_models::WAYS,
        Provider::Openai => &openai::WAYS,
        Provider::Anthropic => &anthropic::WAYS,
    }
}

/// `Authorization: Bearer`, which no log and no debugger shows.
fn bearer(shown: &Shown<'_>, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    secret(headers, AUTHORIZATION, &format!("Bearer {}", shown.text()))
}

fn secret(headers: &mut HeaderMap, name: HeaderName, text: &str) -> Result<(), InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

fn as_it_is<'a>(_: Api, _: &Question<'a>, _: &mut Edits<'a>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_api_has_one_path() {
        let foundry = "/api/projects/brief";
        for (provider, endpoint, api, meant) in [
            (Provider::AzureOpenai, "", Api::Responses, Some("/openai/v1/responses")),
            (Provider::AzureOpenai, "", Api::Images, Some("/openai/v1/images/generations")),
            (Provider::AzureFoundry, foundry, Api::Responses, Some("/api/projects/brief/openai/v1/responses")),
            (Provider::AzureFoundry, foundry, Api::Images, Some("/openai/v1/images/generations")),
            (Provider::AzureFoundry, "", Api::Embeddings, Some("/openai/v1/embeddings")),
            (Provider::AzureFoundry, foundry, Api::Messages, Some("/anthropic/v1/messages")),
            (Provider::AzureOpenai, "", Api::Messages, None),
            (Provider::GithubCopilot, "", Api::ChatCompletions, Some("/chat/completions")),
            (Provider::GithubCopilot, "", Api::Messages, Some("/v1/messages")),
            (Provider::GithubCopilot, "", Api::Images, None),
            (Provider::GithubModels, "/inference", Api::ChatCompletions, Some("/inference/chat/completions")),
            (Provider::GithubModels, "", Api::ChatCompletions, Some("/inference/chat/completions")),
            (Provider::GithubModels, "", Api::Responses, None),
            (Provider::Openai, "", Api::ChatCompletions, Some("/v1/chat/completions")),
            (Provider::Openai, "/v1", Api::ChatCompletions, Some("/v1/chat/completions")),
            (Provider::Openai, "", Api::Messages, None),
            (Provider::Anthropic, "", Api::Messages, Some("/v1/messages")),
            (Provider::Anthropic, "/v1", Api::Messages, Some("/v1/messages")),
            (Provider::Anthropic, "", Api::ChatCompletions, None),
        ] {
            assert_eq!(
                (ways(provider).path)(endpoint, api).as_deref(),
                meant,
                "{} {}",
                provider.as_str(),
                api.as_str()
            );
        }
    }

    #[test]
    fn what_is_shown_is_not_printed() {
        for provider in [Provider::AzureOpenai, Provider::AzureFoundry, Provider::Openai, Provider::Anthropic] {
            for shown in [Shown::Key("canary"), Shown::Token("canary")] {
                let mut headers = HeaderMap::new();
                (ways(provider).authorize)(&shown, &mut headers).unwrap();
                assert!(headers.values().any(|value| value.to_str().unwrap().contains("canary")));
                assert!(!format!("{headers:?}").contains("canary"), "{}", provider.as_str());
                assert!((ways(provider).authorize)(&Shown::Key("a\nb"), &mut headers).is_err());
            }
        }
    }
}
