//! K0717: the OpenTelemetry collector is a Service of this cluster. Not here: whether it exists.

use kars_contract::name::{Namespace, Port};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(717), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let observability = scenario.target.environment.observability.as_ref();
    let Some(otlp) = observability.and_then(|observability| observability.otlp.as_ref()) else { return };
    if is_address(otlp) {
        return;
    }
    found.push(
        Diagnostic::error(RULE.code, otlp.span, format!("`{}` is not a Service of the cluster", otlp.value))
            .help("write `service.namespace:port`, as in `otel-collector.observability:4318`"),
    );
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let Some((service, namespace)) = host.split_once('.') else { return false };
    let port_fits = port.parse::<Port>().is_ok_and(|number| number.to_string() == port);
    port_fits && [service, namespace].iter().all(|label| Namespace::parse(label).is_ok())
}
