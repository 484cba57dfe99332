"""Do the NetworkPolicies permit the declared flows, all of them and nothing else?

The flows come from the documents that routers and relay enforce (and `flows.yaml`, for what an environment adds); what is
permitted comes from network-config-analyzer, which knows nothing of us. A world of other pods stands around the scenario, so
that a policy which is too wide has somebody to let in. Layers 3 and 4 alone: hosts are the router's to enforce.
"""

import ipaddress
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tree import HOME, Results, read_yaml

HERE = Path(__file__).resolve().parent
NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
# Addresses that lead nowhere: a policy may leave them out or not.
NOWHERE = ("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
           "224.0.0.0/3")
PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
DNS = ("kube-system", "dns")


def connectivity(trees):
    results = Results("nca")
    scenarios = [tree for tree in trees if not tree.is_platform]
    with ThreadPoolExecutor() as pool:
        analysed = list(pool.map(permitted_flows, scenarios))
    for tree, permitted in zip(scenarios, analysed):
        declared = declared_flows(tree)
        for pair in sorted(permitted.keys() | declared.keys(), key=str):
            some, other = permitted.get(pair, {}), declared.get(pair, {})
            for port in sorted(some.keys() | other.keys()):
                results.check(f"{tree.name}: {pair[0]} to {pair[1]} {port}", some.get(port) == other.get(port),
                              f"permitted {shown(some.get(port))}, declared {shown(other.get(port))}")
        results.check(f"{tree.name}: some flow is declared", bool(declared))
    return results


def shown(addresses):
    if addresses is None:
        return "nothing"
    return "yes" if addresses == () else ", ".join(map(str, addresses))


# Flows are `{(source, destination): {(protocol, port): addresses}}`. A pod is `(namespace, name)`; the outside is `"outside"`,
# and then the addresses are a collapsed tuple of networks; between pods they are `()`.


def declared_flows(tree):
    flows = {}

    def declare(source, destination, protocol, port, addresses=()):
        flows.setdefault((source, destination), {}).setdefault((protocol, port), set()).update(addresses)

    pods = {thing["metadata"]["namespace"]: pod(thing) for thing in workloads(tree)}
    for document in tree.documents():
        source = pods[document["identity"]["namespace"]]
        families = document.get("guard", {}).get("ipFamilies", ["IPv4"])
        for port in public_ports(document):
            declare(source, "outside", "TCP", port, public(families))
        for name, target in document["infra"].items():
            for port in target["ports"]:
                if name == "resolver" and not ipaddress.ip_network(target["cidr"]).is_link_local:
                    # The address of a Service; what a policy sees is the pods behind it.
                    declare(source, DNS, "TCP", port)
                    declare(source, DNS, "UDP", port)
                    continue
                for protocol in ("TCP", "UDP") if name == "resolver" else ("TCP",):
                    declare_infra(tree, declare, source, target, protocol, port, families)
    for flow in read_yaml(HERE / "flows.yaml").get(tree.environment, []):
        for source in chosen(flow["from"], pods):
            for destination in chosen(flow["to"], pods):
                for port in flow["ports"]:
                    declare(source, destination, flow.get("protocol", "TCP"), port)
    return {pair: {port: collapsed(addresses) for port, addresses in ports.items()} for pair, ports in flows.items()}


def declare_infra(tree, declare, source, target, protocol, port, families):
    service = re.fullmatch(r"([^.]+)\.([^.]+)\.svc(\..*)?", target.get("host", ""))
    if service:
        for destination, number in behind(tree, service[1], service[2], port):
            declare(source, destination, protocol, number)
    elif "cidr" in target:
        declare(source, "outside", protocol, port, [ipaddress.ip_network(target["cidr"])])
    else:
        declare(source, "outside", protocol, port, public(families))


def behind(tree, name, namespace, port):
    """The pods of a Service of this bundle and the port on which they listen; for another's, the world's pod there."""
    things = [thing for thing in tree.manifests().values() if thing["metadata"].get("namespace") == namespace]
    for service in things:
        if service["kind"] == "Service" and service["metadata"]["name"] == name:
            selector = service["spec"]["selector"].items()
            for workload in (thing for thing in things if thing["kind"] == "StatefulSet"):
                if selector <= workload["spec"]["template"]["metadata"]["labels"].items():
                    for number in (target_port(service, workload, port),):
                        yield pod(workload), number
    if not things:
        yield (namespace, name), port


def target_port(service, workload, port):
    target = next(each.get("targetPort", port) for each in service["spec"]["ports"] if each["port"] == port)
    spec = workload["spec"]["template"]["spec"]
    names = {each.get("name"): each["containerPort"] for container in spec["containers"] + spec.get("initContainers", [])
             for each in container.get("ports", [])}
    return names.get(target, target)


def public_ports(document):
    """Ports of all that the router reaches on the Internet for the agent."""
    ports = {port for rule in document["egress"] for port in rule["ports"]}
    for url in urls({"inference": document.get("inference"), "mcp": document["mcp"]}):
        ports.add(url.port or PORTS[url.scheme])
    return sorted(ports)


def urls(value):
    """Every URL of an upstream in a part of a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in ("endpoint", "url") and isinstance(inner, str):
            yield urlsplit(inner)
        else:
            yield from urls(inner)


def public(families):
    found = []
    if "IPv4" in families:
        found += without([ipaddress.ip_network("0.0.0.0/0")], NETWORKS)
    if "IPv6" in families:
        found += [ipaddress.ip_network("2000::/3")]
    return found


def without(networks, excluded):
    for each in map(ipaddress.ip_network, excluded):
        networks = [part for network in networks if network.version == each.version
                    for part in (network.address_exclude(each) if each.subnet_of(network) else [] if network.subnet_of(each) else [network])] \
            + [network for network in networks if network.version != each.version]
    return networks


def collapsed(addresses):
    found = without(list(addresses), NOWHERE)
    return tuple(part for version in (4, 6)
                 for part in ipaddress.collapse_addresses([each for each in found if each.version == version]))


def chosen(who, pods):
    """`agents`, `relay`, or `namespace/pod` of the world."""
    relays = [each for namespace, each in pods.items() if namespace.endswith("--mesh")]
    if who == "relay":
        return relays
    if who == "agents":
        return [each for each in pods.values() if each not in relays]
    return [tuple(who.split("/"))]


def workloads(tree):
    return [thing for thing in tree.manifests().values() if thing["kind"] == "StatefulSet"]


def pod(workload):
    return (workload["metadata"]["namespace"], workload["metadata"]["name"])


def permitted_flows(tree):
    """What the analyzer says, without flows in which none of our pods takes part."""
    command = [HOME / "python/bin/nca", "--connectivity", "-r", tree.path / "agents", "-r", HERE / "world.yaml",
               "--output_format", "yaml", "--output_endpoints", "pods"]
    if (tree.path / "mesh").exists():
        command += ["-r", tree.path / "mesh"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    report = re.search(r"^- query: .*?(?=^\S(?!query)|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    if done.returncode != 0 or not report:
        raise RuntimeError(f"nca: {done.stdout}{done.stderr}")
    ours = {pod(workload) for workload in workloads(tree)}
    pods = ours | {(thing["metadata"]["namespace"], thing["metadata"]["name"]) for thing in world() if thing["kind"] == "Pod"}
    flows = {}
    for rule in read_report(report[0]):
        for source, from_addresses in ends(rule, "src", pods):
            for destination, to_addresses in ends(rule, "dst", pods):
                if source == destination or not {source, destination} & ours:
                    continue
                for port in connections(rule["connection"]):
                    flows.setdefault((source, destination), {}).setdefault(port, set()).update(from_addresses | to_addresses)
    return {pair: {port: collapsed(addresses) for port, addresses in ports.items()} for pair, ports in flows.items()}


def read_report(text):
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)[0]["explanation"][0]["rules"]


def ends(rule, side, pods):
    """The pods, or the outside with its addresses, on one side of a rule."""
    if f"{side}_ip_block" in rule:
        return [("outside", {ipaddress.ip_network(each) for each in rule[f"{side}_ip_block"]})]
    names = rule[f"{side}_pods"]
    found = [(each, set()) for each in pods
             if each[0] in rule[f"{side}_ns"] and (names == ["*"] or re.sub(r"-\d+$", "", each[1]) in {plain(name) for name in names})]
    if not found:
        raise RuntimeError(f"nca names pods that nobody knows: {rule}")
    return found


def plain(name):
    return re.sub(r"-\d+$", "", name.rpartition("/")[2])


def connections(parts):
    for part in parts:
        if part == "All connections":
            yield ("any", 0)
            continue
        unknown = part.keys() - {"protocols", "dst_ports"}
        if unknown:
            raise RuntimeError(f"nca says more of a connection than is understood: {part}")
        for protocol in part["protocols"].split(", "):
            for ports in part.get("dst_ports", ["0-65535"]):
                low, _, high = str(ports).partition("-")
                for port in range(int(low), int(high or low) + 1):
                    yield (protocol, port)


def world():
    from ruamel.yaml import YAML

    return list(YAML(typ="safe", pure=True).load_all((HERE / "world.yaml").read_text()))
