//! Logs as go-plugin reads them: one JSON object per line on standard error.
//!
//! The host parses `@timestamp` strictly and crashes on an `@level` or `@message` that is no string.
//! Only our own events are written in full. A library's trace may show a request with its token, so
//! of theirs only warnings are.

use std::{
    fmt,
    io::{self, Write},
};

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// Starts logging to standard error at the level that the environment asks for.
///
/// A second call does nothing, which only tests do.
pub(super) fn init(variable: impl Fn(&str) -> Option<String>) {
    let level = level(variable);
    if level != LevelFilter::OFF {
        let _ = tracing_subscriber::registry().with(JsonLines { level, write: io::stderr }).try_init();
    }
}

/// The most specific of Terraform's variables that is set. As in Terraform, a word that is no level means all.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let set = ["TF_LOG_PROVIDER_AZWI", "TF_LOG_PROVIDER", "TF_LOG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    match set.map(|value| value.to_uppercase()).as_deref() {
        None | Some("OFF") => LevelFilter::OFF,
        Some("ERROR") => LevelFilter::ERROR,
        Some("WARN") => LevelFilter::WARN,
        Some("INFO") => LevelFilter::INFO,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

/// A subscriber that writes lines. `write` gives the place, anew for each line.
struct JsonLines<F> {
    level: LevelFilter,
    write: F,
}

impl<S, F, W> Layer<S> for JsonLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn() -> W + 'static,
    W: Write,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let ours = metadata.target().split("::").next() == Some("azwi");
        let most = if ours { self.level } else { self.level.min(LevelFilter::WARN) };
        *metadata.level() <= most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                line.0.extend(fields.clone());
            }
        }
        event.record(&mut line);
        let Fields(mut line) = line;
        let message = match line.remove("message") {
            Some(Value::String(message)) => message,
            _ => event.metadata().name().to_owned(),
        };
        line.insert("@level".into(), level_name(*event.metadata().level()).into());
        line.insert("@message".into(), message.into());
        line.insert("@module".into(), event.metadata().target().replace("::", ".").into());
        line.insert("@timestamp".into(), timestamp(OffsetDateTime::now_utc()).into());
        // One write, so that lines of several threads do not mix. There is nobody to tell that it failed.
        let _ = (self.write)().write_all(format!("{}\n", Value::Object(line)).as_bytes());
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

/// Go's layout `2006-01-02T15:04:05.000000Z07:00`: always six digits of the second's fraction.
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

fn timestamp(utc: OffsetDateTime) -> String {
    utc.format(TIMESTAMP).unwrap_or_default()
}

/// The fields of an event or a span.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

/// go-plugin takes lines up to 64 KiB and prints longer ones raw, in pieces.
const LONGEST_TEXT: usize = 8 * 1024;

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let mut short: String =
        text.char_indices().take_while(|(at, _)| *at < LONGEST_TEXT).map(|(_, character)| character).collect();
    short.push('…');
    short
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, shortened(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, shortened(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert(field, shortened(&value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use time::macros::datetime;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(level: LevelFilter, events: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let sink = written.clone();
        let layer = JsonLines { level, write: move || sink.clone() };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_carries_its_span_and_the_four_keys_the_host_wants() {
        let lines = lines(LevelFilter::DEBUG, || {
            let call = tracing::error_span!("call", tf_rpc = "ReadResource", tf_resource_type = tracing::field::Empty);
            call.record("tf_resource_type", "azwi_service_account");
            call.in_scope(|| tracing::debug!(tf_req_duration_ms = 12, gone = true, "Served\nit"));
        });
        let [line] = &lines[..] else { panic!("one line, not {lines:?}") };
        assert_eq!(line["@level"], "debug");
        assert_eq!(line["@message"], "Served\nit");
        assert_eq!(line["@module"], "azwi.protocol.log.tests");
        assert_eq!(line["@timestamp"].as_str().unwrap().len(), "2006-01-02T15:04:05.000000Z".len());
        assert_eq!(line["tf_rpc"], "ReadResource");
        assert_eq!(line["tf_resource_type"], "azwi_service_account");
        assert_eq!(line["tf_req_duration_ms"], 12);
        assert_eq!(line["gone"], true);
    }

    #[test]
    fn libraries_are_heard_from_warnings_up() {
        let lines = lines(LevelFilter::TRACE, || {
            tracing::debug!(target: "hyper::client", "authorization: Bearer token");
            tracing::debug!(target: "azwi_lookalike", "not ours");
            tracing::warn!(target: "hyper::client", "slow");
        });
        assert_eq!(lines.iter().map(|line| line["@message"].as_str().unwrap()).collect::<Vec<_>>(), ["slow"]);
    }

    #[test]
    fn a_fraction_that_ends_in_zeros_keeps_them() {
        assert_eq!(timestamp(datetime!(2026-01-02 03:04:05.120 UTC)), "2026-01-02T03:04:05.120000Z");
    }

    #[test]
    fn the_most_specific_variable_wins() {
        let level = |set: &[(&str, &str)]| {
            level(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(level(&[]), LevelFilter::OFF);
        assert_eq!(level(&[("TF_LOG", "info")]), LevelFilter::INFO);
        assert_eq!(level(&[("TF_LOG", "JSON")]), LevelFilter::TRACE);
        assert_eq!(level(&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "WARN")]), LevelFilter::WARN);
        assert_eq!(level(&[("TF_LOG_PROVIDER", "TRACE"), ("TF_LOG_PROVIDER_AZWI", "off")]), LevelFilter::OFF);
        assert_eq!(level(&[("TF_LOG_CORE", "TRACE")]), LevelFilter::OFF);
        assert_eq!(level(&[("TF_LOG_PROVIDER", ""), ("TF_LOG", "ERROR")]), LevelFilter::ERROR);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let lines = lines(LevelFilter::INFO, || tracing::info!(body = "ä".repeat(40_000), "{}", "x".repeat(70_000)));
        assert!(lines[0].to_string().len() < 64 * 1024);
        assert!(lines[0]["body"].as_str().unwrap().ends_with("ä…"));
    }
}
