//! The APIs that clients speak to models, by route. Not here: how a provider is reached.

use kars_contract::agent_api::{ANTHROPIC_MESSAGES, CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, IMAGES, RESPONSES};
use kars_contract::router::{Dialect, Route};

/// Anthropic's messages where a client is given the base of `OpenAI`'s.
pub const MESSAGES: &str = "/v1/messages";

/// An API that costs tokens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Api {
    /// OpenAI's chat completions.
    ChatCompletions,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's completions.
    Completions,
    /// OpenAI's embeddings.
    Embeddings,
    /// OpenAI's image generation.
    Images,
    /// Anthropic's messages.
    Messages,
}

/// The family of clients that an API belongs to; each reads errors in its own form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// `{"error": {"message", "type", "code"}}`.
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}}`.
    Anthropic,
}

impl Api {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::ChatCompletions, Self::Responses, Self::Completions, Self::Embeddings, Self::Images, Self::Messages];

    /// The API of a route.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Some(match path {
            CHAT_COMPLETIONS => Self::ChatCompletions,
            RESPONSES => Self::Responses,
            COMPLETIONS => Self::Completions,
            EMBEDDINGS => Self::Embeddings,
            IMAGES => Self::Images,
            ANTHROPIC_MESSAGES | MESSAGES => Self::Messages,
            _ => return None,
        })
    }

    /// The path below a provider's base.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Images => "images/generations",
            Self::Messages => "messages",
        }
    }

    /// The word in metrics and the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat-completions",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Messages => "messages",
        }
    }

    /// Whose clients speak it.
    #[must_use]
    pub fn family(self) -> Family {
        if self == Self::Messages { Family::Anthropic } else { Family::OpenAi }
    }

    /// Whether a model can be asked so. Completions, embeddings and images have no dialect of their own.
    #[must_use]
    pub fn is_offered_by(self, route: &Route) -> bool {
        match self {
            Self::ChatCompletions => route.offers(Dialect::ChatCompletions),
            Self::Responses => route.offers(Dialect::Responses),
            Self::Messages => route.offers(Dialect::Messages),
            Self::Completions | Self::Embeddings | Self::Images => route.dialect != Dialect::Messages,
        }
    }
}
