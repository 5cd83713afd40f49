"""Users' configurations in many layouts, for the tests of `phoenix pipeline export`."""

BLOCK = """\
# The collector of our web hosts.
receivers:
  host_metrics:   # every ten seconds
    collection_interval: 10s
    scrapers:
      # only this one
      process:
        mute_process_name_error: true

processors:
  # stays first
  memory_limiter:
    check_interval: 1s
    limit_mib: 400
  batch: {}

exporters:
  otlp_http/vendor:
    endpoint: ${env:PHX_EXPORT_ENDPOINT:-http://127.0.0.1:4318}   # the vendor
    headers: {api-key: "${env:PHX_EXPORT_KEY:-none}"}

service:
  pipelines:
    metrics:
      receivers: [host_metrics]
      processors: [memory_limiter, batch]   # in this order
      exporters: [otlp_http/vendor]
"""

FLOW = """\
{receivers: {host_metrics: {scrapers: {process: {}}}}, exporters: {otlp_http: {endpoint: "http://127.0.0.1:4318"}},
 service: {pipelines: {metrics: {receivers: [host_metrics], exporters: [otlp_http]}}}}
"""

LISTS = BLOCK.replace(
    "      processors: [memory_limiter, batch]   # in this order\n",
    "      processors:\n      # protects\n      - memory_limiter\n      - batch  # packs\n",
).replace("receivers: [host_metrics]", "receivers:\n        - host_metrics")

NO_PROCESSORS = """\
receivers:
  host_metrics:
    scrapers:
      process:
exporters:
  debug:
service:
  pipelines:
    metrics:
      receivers: [host_metrics]
      exporters: [debug]"""

NULL_PROCESSORS = NO_PROCESSORS.replace("exporters:\n  debug:", "processors: # none yet\nexporters:\n  debug:").replace(
    "      receivers: [host_metrics]", "      receivers: [host_metrics]\n      processors: []"
)  # fmt: skip

OTHER_SCRAPERS = BLOCK.replace(
    "      # only this one\n", "      cpu:\n      memory: {}\n      # and this one\n"
).replace("    collection_interval: 10s\n", "    collection_interval: 10s\n    root_path: /\n")

SHARED = """\
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}
  hostmetrics: {scrapers: {process: }}
processors:
  groupbyattrs: {}
  filter/priority: {metrics: {metric: ['name == "x"']}}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:4318"}
  debug: {}
connectors: {forward: {}}
extensions: {health_check: {endpoint: "127.0.0.1:0"}}
service:
  extensions: [health_check]
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp, hostmetrics], processors: [groupbyattrs, filter/priority], exporters: [otlphttp, forward]}
    metrics/on: {receivers: [forward], exporters: [debug]}
"""

TWO_PIPELINES = BLOCK.replace(
    "      exporters: [otlp_http/vendor]\n",
    "      exporters: [otlp_http/vendor]\n    metrics/debug:\n      receivers: [host_metrics]\n      exporters: [debug]\n",
).replace("exporters:\n  otlp_http", "exporters:\n  debug:\n  otlp_http")

NO_HOST_METRICS = """\
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:0"}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 300}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:4318
service:
  pipelines:
    metrics:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [otlp_http]
"""

ONLY_SYSTEM = BLOCK.replace(
    "      # only this one\n      process:\n        mute_process_name_error: true\n", "      cpu:\n"
)

ANCHORS = BLOCK.replace("limit_mib: 400", "limit_mib: &limit 400").replace(
    "processors: [memory_limiter, batch]   # in this order", "processors: &row [memory_limiter, batch]"
) + "    metrics/more: {receivers: [host_metrics], processors: *row, exporters: [otlp_http/vendor]}\n"  # fmt: skip

WINDOWS = BLOCK.replace("\n", "\r\n")

QUOTED = BLOCK.replace("  host_metrics:   #", '  "host_metrics":   #').replace(
    "receivers: [host_metrics]", "receivers: ['host_metrics']"
)

CASES = {
    "block": BLOCK,
    "flow": FLOW,
    "lists": LISTS,
    "no-processors": NO_PROCESSORS,
    "null-processors": NULL_PROCESSORS,
    "other-scrapers": OTHER_SCRAPERS,
    "shared": SHARED,
    "two-pipelines": TWO_PIPELINES,
    "no-host-metrics": NO_HOST_METRICS,
    "only-system": ONLY_SYSTEM,
    "windows": WINDOWS,
    "quoted": QUOTED,
}
