"""What the chart makes of its values: the promises that no schema can check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from relevo.kubernetes.files import CHART
from relevo.kubernetes.permissions import expanded, users
from runtime.metrics import CATALOGUE
from runtime.settings import AREAS, EgressSettings, ProcessorSettings, SettingsError, load
from schemas import topics
from tests.deploy.conftest import EXAMPLES, Made, Object, helm

AGENTS = ("handoff", "http", "menu")  # of the typical example
MEMBERS = ("conversations", "egress", "lease", *(f"agents-{kind}" for kind in AGENTS))


def pods(made: Made) -> Iterator[tuple[str, Object]]:
    """Every pod that comes of it: its name, and what it is."""
    for one in made.objects:
        if one["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one


def environment(container: Object) -> dict[str, str]:
    return {one["name"]: str(one.get("value", "pod-0")) for one in container.get("env", [])}


def selects(selector: Object, labels: dict[str, str]) -> bool:
    exact = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    return exact and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_pod_has_rights_a_token_or_a_root_that_can_be_written(made: dict[str, Made], example: str) -> None:
    for name, pod in pods(made[example]):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in spec["volumes"]), name
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
    assert made[example].of("Secret") == []
    assert all(one["automountServiceAccountToken"] is False for one in made[example].of("ServiceAccount"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_container_has_settings_that_its_service_accepts(
    made: dict[str, Made], example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, pod in pods(made[example]):
        for container in pod["spec"]["containers"]:
            with monkeypatch.context() as patch:
                for variable, value in environment(container).items():
                    path = tmp_path / value.lstrip("/")
                    if value.startswith("/etc/relevo/"):
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_text("a")
                    patch.setenv(variable, str(path) if value.startswith("/") else value)
                for area in AREAS:
                    try:
                        load(area)
                    except SettingsError as wrong:
                        pytest.fail(f"{name}: {wrong}")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_file_that_a_setting_names_is_mounted(made: dict[str, Made], example: str) -> None:
    for name, pod in pods(made[example]):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            mounts = {one["mountPath"]: volumes[one["name"]] for one in container.get("volumeMounts", [])}
            for variable, value in environment(container).items():
                if not value.startswith("/"):
                    continue
                folder, _, file = value.rpartition("/")
                assert folder in mounts, f"{name}: {variable}"
                if "emptyDir" not in mounts[folder]:
                    assert file in _files(mounts[folder]), f"{name}: {variable}"


def _files(volume: Object) -> set[str]:
    sources = [one["secret"] for one in volume["projected"]["sources"]] if "projected" in volume else [volume["secret"]]
    return {item["path"] for source in sources for item in source["items"]}


@pytest.mark.parametrize("example", EXAMPLES)
def test_who_is_a_member_of_a_group_keeps_its_name_over_restarts(made: dict[str, Made], example: str) -> None:
    """Static membership and transactional ids are made of it."""
    members = {one["metadata"]["name"].removeprefix("relevo-") for one in made[example].of("StatefulSet")}
    assert "webhooks" not in members
    assert {"conversations", "egress", "lease", "agents-menu"} <= members
    for one in made[example].of("StatefulSet"):
        container = one["spec"]["template"]["spec"]["containers"][0]
        instance = next(env for env in container["env"] if env["name"] == "RELEVO_SERVICE_INSTANCE")
        assert instance["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
        assert made[example].one("Service", one["spec"]["serviceName"])["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_pod_has_time_for_its_drain_and_its_stop(made: dict[str, Made], example: str) -> None:
    for one in [*made[example].of("StatefulSet"), *made[example].of("Deployment")]:
        spec = one["spec"]["template"]["spec"]
        container = spec["containers"][0]
        if container["name"] == "tools":
            continue
        drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        stop = float(environment(container)["RELEVO_SERVICE_STOP_S"])
        assert spec["terminationGracePeriodSeconds"] >= drain + stop + 5
        assert bool(drain) == (container["name"] == "webhooks"), "requests come on until proxies know; records do not"
        if container["name"] == "egress":
            egress = EgressSettings()
            assert stop >= egress.plan_deadline_s + egress.post_timeout_batch_s + 10
        if container["name"].startswith("agents"):
            assert stop * 0.8 >= ProcessorSettings().drain_s


def test_the_defaults_that_the_checks_of_the_chart_know_are_those_of_the_code() -> None:
    text = (CHART / "templates" / "_checks.tpl").read_text()
    for area, name in (
        (ProcessorSettings, "drain_s"),
        (EgressSettings, "post_timeout_batch_s"),
        (EgressSettings, "plan_deadline_s"),
    ):
        assert f'"{area.variable(name)}" "default" "{area.model_fields[name].default:g}"' in text


def test_names_are_short_enough_for_the_labels_that_kubernetes_makes_of_them() -> None:
    """A stateful set's revision is a label of its pods: its name and eleven characters more, 63 at most."""
    made = helm("typical", "--set", f"fullnameOverride={'a' * 24}", "--set", f"agents.{'b' * 20}.replicas=1")
    assert max(len(one["metadata"]["name"]) for one in made.of("StatefulSet")) == 52


@pytest.mark.parametrize("example", EXAMPLES)
def test_selectors_find_pods_and_names_find_objects(made: dict[str, Made], example: str) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(made[example])}
    for one in made[example].objects:
        name, spec = one["metadata"]["name"], one.get("spec", {})
        if one["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
            assert [pod for pod, has in labels.items() if selects(spec["selector"], has)] == [name]
        elif one["kind"] == "Service":
            assert any(selects({"matchLabels": spec["selector"]}, has) for has in labels.values()), name
        elif one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = spec["scaleTargetRef"]
            assert "replicas" not in made[example].one(target["kind"], target["name"])["spec"], "two would decide"
        elif one["kind"] == "NetworkPolicy" and "component" in str(spec["podSelector"]):
            assert any(selects(spec["podSelector"], has) for has in labels.values()), name


@pytest.mark.parametrize("example", EXAMPLES)
def test_nothing_comes_in_or_goes_out_but_for_what_is_named(made: dict[str, Made], example: str) -> None:
    policies = made[example].of("NetworkPolicy")
    deny = made[example].one("NetworkPolicy", "relevo-deny")["spec"]
    assert sorted(deny["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    outside, kafka, public = set(), set(), set()
    for name, pod in pods(made[example]):
        labels = pod["metadata"]["labels"]
        assert selects(deny["podSelector"], labels), name
        for policy in policies:
            if not selects(policy["spec"]["podSelector"], labels):
                continue
            told = json.dumps(policy["spec"].get("egress", []))
            outside |= {labels["app.kubernetes.io/component"]} if "0.0.0.0/0" in told else set()
            kafka |= {name} if "909" in told else set()
            if any(rule["ports"] == [{"protocol": "TCP", "port": 8080}] for rule in policy["spec"].get("ingress", [])):
                public |= {labels["app.kubernetes.io/component"]}
    assert kafka == {name for name, _ in pods(made[example])}
    assert public == {"webhooks"}
    calls = {"small": set(), "typical": {"agents-http"}, "large": {"agents-http", "agents-desk", "agents-crm"}}
    assert outside == {"egress", "lease", "tools", "test", *calls[example]}


def test_each_topic_of_the_catalogue_is_made_as_the_catalogue_says(made: dict[str, Made]) -> None:
    wanted = topics.catalogue(AGENTS)
    found = {one["spec"]["topicName"]: one for one in made["typical"].of("KafkaTopic")}
    assert set(found) == set(wanted)
    for name, topic in wanted.items():
        spec = found[name]["spec"]
        assert spec["config"] == topic.config(topics.PRODUCTION)
        assert (spec["partitions"], spec["replicas"]) == (topic.count(topics.PRODUCTION), 3)
        assert found[name]["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert found[name]["metadata"]["labels"]["strimzi.io/cluster"] == "relevo"


def test_each_service_has_a_user_with_what_the_code_says_that_it_needs(made: dict[str, Made]) -> None:
    known = {user.name: user for user in users()}
    owners = {name: (name, "") for name in known if name != "agents"}
    owners |= {f"agents-{kind}": ("agents", kind) for kind in AGENTS}
    found = {one["metadata"]["name"].removeprefix("relevo-"): one for one in made["typical"].of("KafkaUser")}
    assert set(found) == set(owners)
    for name, (user, own) in owners.items():
        acls = found[name]["spec"]["authorization"]["acls"]
        assert [(*one["resource"].values(), *one["operations"]) for one in acls] == [
            (grant.resource, grant.name, grant.pattern, *grant.operations)
            for grant in expanded(known[user], AGENTS, own)
        ]


def test_each_container_comes_to_kafka_as_the_user_of_its_service(made: dict[str, Made]) -> None:
    users_made = {one["metadata"]["name"] for one in made["typical"].of("KafkaUser")}
    for name, pod in pods(made["typical"]):
        container = pod["spec"]["containers"][0]
        user = environment(container)["RELEVO_KAFKA_SASL_USERNAME"]
        assert user in users_made
        assert user == {"relevo-test": "relevo-tools"}.get(name, name)
        kafka = next(volume for volume in pod["spec"]["volumes"] if volume["name"] == "kafka")
        assert [one["secret"]["name"] for one in kafka["projected"]["sources"]] == [user, "relevo-cluster-ca-cert"]


def test_the_key_ring_is_only_where_something_is_decrypted(made: dict[str, Made]) -> None:
    having = {name for name, pod in pods(made["typical"]) if "keys" in str(pod["spec"]["volumes"])}
    assert having == {f"relevo-{one}" for one in ("egress", "lease", "tools", "test", *(f"agents-{k}" for k in AGENTS))}


def test_what_waits_in_kafka_is_counted_for_groups_and_topics_that_there_are(made: dict[str, Made]) -> None:
    scaled = {one["metadata"]["name"]: one["spec"] for one in made["typical"].of("ScaledObject")}
    assert set(scaled) == {f"relevo-{one}" for one in MEMBERS if one != "lease"}
    counted = {
        (name, trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"])
        for name, spec in scaled.items()
        for trigger in spec["triggers"]
        if trigger["type"] == "kafka"
    }
    own = {(f"relevo-agents-{kind}", f"relevo-agents-{kind}", f"agents.{kind}") for kind in AGENTS}
    lines = {
        ("relevo-egress", "relevo-egress", topic)
        for topic in ("outbound.replies", "outbound.templates", "inbound.receipts")
    }
    assert counted == {*own, *lines, ("relevo-conversations", "relevo-conversations", "inbound.conversations")}


@pytest.mark.parametrize(("example", "lines"), [("small", 10), ("typical", 100), ("large", 1000)])
def test_an_example_has_room_for_the_webhooks_of_its_lines(made: dict[str, Made], example: str, lines: int) -> None:
    """80 messages a second and line, three receipts each, an answer of one of ten; 1,400 webhooks a second and pod."""
    found = made[example].of("HorizontalPodAutoscaler")
    deployed = made[example].one("Deployment", "relevo-webhooks")["spec"]
    most = found[0]["spec"]["maxReplicas"] if found else deployed["replicas"]
    assert most * 1400 >= lines * 80 * 3.1


def test_what_waits_for_a_lines_quota_brings_no_workers(made: dict[str, Made]) -> None:
    """It is parked within half a minute; the autoscaler looks back for longer, and never counts what is parked."""
    spec = made["typical"].one("ScaledObject", "relevo-egress")["spec"]
    looks_back = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"]
    assert looks_back > EgressSettings().park_after_s
    assert "outbound.parked" not in json.dumps(spec)


def test_only_posts_to_the_webhooks_of_the_one_host_come_in_and_only_by_tls(made: dict[str, Made]) -> None:
    route = made["typical"].one("HTTPRoute", "relevo-webhooks")["spec"]
    assert route["hostnames"] == ["hooks.example.com"]
    assert [rule["matches"] for rule in route["rules"]] == [
        [{"method": "POST", "path": {"type": "PathPrefix", "value": "/v1/webhooks"}}]
    ]
    listeners = made["typical"].one("Gateway", "relevo-webhooks")["spec"]["listeners"]
    assert [(one["protocol"], one["hostname"]) for one in listeners] == [("HTTPS", "hooks.example.com")]
    ingress = made["small"].one("Ingress", "relevo-webhooks")["spec"]
    assert [rule["host"] for rule in ingress["rules"]] == ingress["tls"][0]["hosts"] == ["hooks.example.com"]
    assert made["large"].one("HTTPRoute", "relevo-webhooks")["spec"]["parentRefs"][0]["name"] == "public"
    assert made["large"].of("Gateway") == []


def test_access_logs_have_no_path_for_a_path_has_a_secret(made: dict[str, Made]) -> None:
    proxy = made["typical"].one("EnvoyProxy", "relevo-webhooks")
    assert "PATH" not in json.dumps(proxy)
    assert "REFERER" not in json.dumps(proxy)
    gateway = made["typical"].one("Gateway", "relevo-webhooks")
    assert gateway["spec"]["infrastructure"]["parametersRef"]["name"] == proxy["metadata"]["name"]
    annotations = made["small"].one("Ingress", "relevo-webhooks")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/enable-access-log"] == "false"


def test_secrets_come_from_a_store_and_never_from_the_values(made: dict[str, Made]) -> None:
    found = {one["spec"]["target"]["name"]: one["spec"]["data"][0] for one in made["large"].of("ExternalSecret")}
    kinds = ("menu", "handoff", "desk", "crm", "http")
    services = ("webhooks", "conversations", "egress", "lease", "tools", "scaler", *(f"agents-{k}" for k in kinds))
    assert set(found) == {"relevo-keys", *(f"relevo-{one}" for one in services)}
    assert found["relevo-egress"]["remoteRef"] == {"key": "relevo/kafka/egress", "property": "password"}


def test_no_label_of_a_scrape_takes_the_name_of_one_of_a_metric(made: dict[str, Made]) -> None:
    """Prometheus would call ours `exported_…`, and no rule and no board would find it."""
    [endpoint] = made["typical"].one("ServiceMonitor", "relevo")["spec"]["endpoints"]
    relabelings = endpoint["relabelings"]
    dropped = {one["regex"] for one in relabelings if one.get("action") == "labeldrop"}
    by_operator = {"namespace", "service", "pod", "container", "endpoint", "job", "instance"}
    scraped = by_operator - dropped | {one["targetLabel"] for one in relabelings if "targetLabel" in one}
    assert {label for metric in CATALOGUE for label in metric.labels} & scraped == set()


def test_rules_and_dashboards_are_what_lies_in_their_folders(tmp_path: Path) -> None:
    chart = tmp_path / "relevo"
    shutil.copytree(CHART, chart)
    groups = "groups:\n  - name: a\n    rules:\n      - alert: Down\n        expr: up == 0\n"
    (chart / "files" / "rules" / "of-mine.yaml").write_text(groups)
    (chart / "files" / "dashboards" / "of-mine.json").write_text('{"title": "{{ left as it is }}"}')
    made = helm("typical", chart=chart)
    rule = made.one("PrometheusRule", "relevo-of-mine")
    assert rule["spec"]["groups"][0]["rules"][0]["alert"] == "Down"
    dashboard = made.one("ConfigMap", "relevo-dashboard-of-mine")
    assert dashboard["data"] == {"of-mine.json": '{"title": "{{ left as it is }}"}'}
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_every_alert_leads_to_its_runbook_and_its_dashboard() -> None:
    made = helm(
        "typical",
        *("--set", "monitoring.runbooks=https://wiki.example/runbooks/"),
        *("--set", "monitoring.grafana=https://grafana.example"),
    )
    rules = [rule for group in made.one("PrometheusRule", "relevo-alerts")["spec"]["groups"] for rule in group["rules"]]
    alerts = [rule for rule in rules if "alert" in rule]
    boards = {one["metadata"]["name"].removeprefix("relevo-dashboard-") for one in made.of("ConfigMap")}
    assert len({rule["alert"] for rule in alerts}) >= 20
    for rule in alerts:
        said = rule["annotations"]
        assert said["runbook_url"] == f"https://wiki.example/runbooks/{rule['alert']}.md"
        assert said["dashboard"].removeprefix("https://grafana.example/d/") in boards


def test_a_certificate_instead_of_a_password() -> None:
    made = helm("typical", "--set", "kafka.securityProtocol=SSL")
    env = environment(made.one("StatefulSet", "relevo-egress")["spec"]["template"]["spec"]["containers"][0])
    assert env["RELEVO_KAFKA_SSL_CERT_FILE"] == "/etc/relevo/kafka/user.crt"
    assert not any("SASL" in name for name in env)
    assert made.one("KafkaUser", "relevo-egress")["spec"]["authentication"] == {"type": "tls"}


def test_of_webhooks_there_may_be_more_than_partitions() -> None:
    """They share no partitions: what 1,000 lines need is more than twice as many."""
    made = helm("large", "--set", "webhooks.scaling.enabled=false,webhooks.replicas=170")
    assert made.one("Deployment", "relevo-webhooks")["spec"]["replicas"] == 170
    assert "maximum: got 65, want 64" in helm("large", "--set", "egress.replicas=65").refused


def test_settings_arrive_as_they_were_given() -> None:
    made = helm(
        "typical",
        *("--set", "settings.RELEVO_EGRESS_WORKER_MEMORY=10000000"),
        *("--set-json", "settings.RELEVO_PROCESSOR_DRAIN_BEGUN_SHARE=0.75"),
        *("--set", "egress.settings.RELEVO_EGRESS_CHECK_NUMBERS=false"),
        *("--set", "agents.http.agent=acme.bots:http"),
        *("--set", "networkPolicy.outside.private[0]=10.9.0.0/16"),
    )
    egress = environment(made.one("StatefulSet", "relevo-egress")["spec"]["template"]["spec"]["containers"][0])
    agents = made.one("StatefulSet", "relevo-agents-http")["spec"]["template"]["spec"]["containers"][0]
    assert egress["RELEVO_EGRESS_WORKER_MEMORY"] == "10000000"
    assert egress["RELEVO_PROCESSOR_DRAIN_BEGUN_SHARE"] == "0.75"
    assert egress["RELEVO_EGRESS_CHECK_NUMBERS"] == "false"
    assert "RELEVO_EGRESS_CHECK_NUMBERS" not in environment(agents)
    assert environment(agents)["RELEVO_TENANTS_PRIVATE_NETWORKS"] == "10.9.0.0/16"
    assert agents["args"] == ["serve", "agents", "--agent", "http=acme.bots:http"]
    assert environment(agents)["RELEVO_PROCESSOR_AGENTS"] == "handoff,http,menu"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("webhooks.replica=3", "additional properties 'replica' not allowed"),
        ("settings.RELEVO_EGRESS_RATE=3", "'RELEVO_EGRESS_RATE' not allowed"),
        ("settings.RELEVO_EGRESS_BATCH_MAX=1001", "maximum: got 1,001, want 1,000"),
        ("settings.RELEVO_KAFKA_BOOTSTRAP=a:1", "'RELEVO_KAFKA_BOOTSTRAP' not allowed"),
        ("kafka.bootstrap=kafka", "does not match pattern"),
        ("egress.stopSeconds=30", "egress: stopSeconds (30) must be at least"),
        ("egress.settings.RELEVO_EGRESS_POST_TIMEOUT_BATCH_S=55", "calls under way would be cut off"),
        ("agentDefaults.stopSeconds=30", "agents would be cut off"),
        ("egress.scaling.max=65", "maximum: got 65, want 64"),
        ("kafka.profile=laptop", "is more than the topics' partitions (4)"),
        ("topics.apply=true", "not from both"),
        ("kafka.saslMechanism=PLAIN", "for SCRAM-SHA-512 alone"),
        ("agents.a-very-long-type-of-agents.replicas=1", "does not match pattern"),
        ("agents.of_us.replicas=1,agents.of-us.replicas=1", "would have the same names"),
        ("agents.http.outside=false", "would let it reach none"),
        ("strimzi.cluster=", "strimzi.cluster: name"),
        ("route.tls.secret=", "without TLS anybody could read"),
        ("route.host=", "route.host: the public name"),
        ("networkPolicy.gateway.from=null", "no webhook comes in"),
        ("egress.scaling.min=9", "scaling.min must not be more than scaling.max"),
    ],
)
def test_values_that_cannot_work_are_refused_and_why_is_said(value: str, said: str) -> None:
    assert said in helm("typical", "--set", value).refused
