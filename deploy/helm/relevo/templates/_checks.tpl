{{/* What a schema cannot say: values that only make sense together. Each failure says what to do. */}}
{{- define "relevo.checks" -}}
{{- $kafka := .Values.kafka -}}
{{- $partitions := get (get (.Files.Get "files/topics.yaml" | fromYaml).profiles $kafka.profile) "partitions" -}}
{{- if and (or .Values.strimzi.topics .Values.strimzi.users) (not .Values.strimzi.cluster) -}}
{{- fail "strimzi.cluster: name the Kafka cluster of Strimzi that gets the topics and users" -}}
{{- end -}}
{{- if and .Values.strimzi.users (contains "SASL" $kafka.securityProtocol) (ne $kafka.saslMechanism "SCRAM-SHA-512") -}}
{{- fail "kafka.saslMechanism: users of Strimzi have passwords for SCRAM-SHA-512 alone" -}}
{{- end -}}
{{- if and .Values.strimzi.topics .Values.topics.apply -}}
{{- fail "topics: they come from Strimzi (strimzi.topics) or from a job (topics.apply), not from both" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.kafka.to) (not .Values.strimzi.cluster) -}}
{{- fail "networkPolicy.kafka.to: say where the brokers are (peers of a NetworkPolicy), or nothing reaches Kafka" -}}
{{- end -}}
{{- if and (ne .Values.route.kind "none") (not .Values.route.host) -}}
{{- fail "route.host: the public name of the webhooks" -}}
{{- end -}}
{{- if and (ne .Values.route.kind "none") .Values.networkPolicy.enabled (not .Values.networkPolicy.gateway.from) -}}
{{- fail "networkPolicy.gateway.from: say where the gateway's pods are, or no webhook comes in" -}}
{{- end -}}
{{- if and (eq .Values.route.kind "gateway") (not .Values.route.gateway.create) (not .Values.route.gateway.parentRefs) -}}
{{- fail "route.gateway: name the Gateway (parentRefs), or let one be made (create)" -}}
{{- end -}}
{{- if and (eq .Values.route.accessLog "envoy-gateway") (not (and (eq .Values.route.kind "gateway") .Values.route.gateway.create)) -}}
{{- fail "route.accessLog: envoy-gateway needs a Gateway that is made here (route.kind gateway, route.gateway.create)" -}}
{{- end -}}
{{- if and (eq .Values.route.accessLog "ingress-nginx") (ne .Values.route.kind "ingress") -}}
{{- fail "route.accessLog: ingress-nginx needs route.kind ingress" -}}
{{- end -}}
{{- if and (or (eq .Values.route.kind "ingress") .Values.route.gateway.create) (ne .Values.route.kind "none") (not .Values.route.tls.secret) -}}
{{- fail "route.tls.secret: the secret with the certificate of the webhooks' host; without TLS anybody could read the webhook's secret" -}}
{{- end -}}
{{- range $name, $own := include "relevo.services" . | fromYaml -}}
{{- if hasPrefix "agents-" $name -}}
{{- $drain := include "relevo.setting" (dict "root" $ "own" $own "name" "RELEVO_PROCESSOR_DRAIN_S" "default" "25") | float64 -}}
{{- if lt (mulf (float64 $own.stopSeconds) 0.8) $drain -}}
{{- fail (printf "%s: stopSeconds (%v) must be at least RELEVO_PROCESSOR_DRAIN_S / 0.8 (%v): agents would be cut off in what they began" $name $own.stopSeconds (divf $drain 0.8)) -}}
{{- end -}}
{{- end -}}
{{- if and $.Values.networkPolicy.enabled (has (default "" $own.type) (list "http" "crm" "desk")) (not $own.agent) (not $own.outside) -}}
{{- fail (printf "agents.%s.outside: true, for this agent calls services outside, and the network policies would let it reach none" $own.type) -}}
{{- end -}}
{{- if eq $name "egress" -}}
{{- $post := include "relevo.setting" (dict "root" $ "own" $own "name" "RELEVO_EGRESS_POST_TIMEOUT_BATCH_S" "default" "30") | float64 -}}
{{- $plan := include "relevo.setting" (dict "root" $ "own" $own "name" "RELEVO_EGRESS_PLAN_DEADLINE_S" "default" "5") | float64 -}}
{{- if lt (float64 $own.stopSeconds) (addf $post $plan 10.0) -}}
{{- fail (printf "egress: stopSeconds (%v) must be at least RELEVO_EGRESS_POST_TIMEOUT_BATCH_S + RELEVO_EGRESS_PLAN_DEADLINE_S + 10 (%v): calls under way would be cut off and be in doubt" $own.stopSeconds (addf $post $plan 10.0)) -}}
{{- end -}}
{{- end -}}
{{- if $own.scaling.enabled -}}
{{- if gt (int $own.scaling.min) (int $own.scaling.max) -}}
{{- fail (printf "%s: scaling.min must not be more than scaling.max" $name) -}}
{{- end -}}
{{- if and (ne $name "webhooks") (gt (int $own.scaling.max) (int $partitions)) -}}
{{- fail (printf "%s: scaling.max (%v) is more than the topics' partitions (%v): the others would have nothing to do" $name $own.scaling.max $partitions) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
