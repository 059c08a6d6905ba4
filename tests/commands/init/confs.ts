/** As the packages of 1.3 ship it, the sections that matter here. */
export const STOCK_1_3 = `hostname = "localhost"
data_dir = "/var/lib/kapacitor"

[http]
  # HTTP API Server for Kapacitor
  bind-address = ":9092"
  log-enabled = true
  write-tracing = false
  pprof-enabled = false
  https-enabled = false
  https-certificate = "/etc/ssl/kapacitor.pem"

[logging]
    file = "/var/log/kapacitor/kapacitor.log"
    level = "INFO"

[[influxdb]]
  enabled = true
  default = true
  name = "localhost"
  urls = ["http://localhost:8086"]
  username = ""
  password = "canary-influxdb-password"
  timeout = 0
  disable-subscriptions = false
  subscription-protocol = "http"
  kapacitor-hostname = ""
  http-port = 0
  [influxdb.subscriptions]
  [influxdb.excluded-subscriptions]

[[udp]]
  enabled = false
[[graphite]]
  enabled = false
[collectd]
  enabled = false
[opentsdb]
  enabled = false
`;

/** As the packages of 1.8 ship it: users are off, and a meta node is named that nobody has. */
export const STOCK_1_8 = `${STOCK_1_3}
[auth]
  enabled = false
  cache-expiration = "10m"
  bcrypt-cost = 10
  meta-addr = "172.17.0.2:8091"
  meta-use-tls = false
  meta-ca = "/etc/kapacitor/ca.pem"
  meta-cert = "/etc/kapacitor/cert.pem"
  meta-key = "/etc/kapacitor/key.pem"
  meta-insecure-skip-verify = false
`;

/** One that somebody has lived with for years. */
export const LIVED_IN = `hostname = "kap.example.com"

[http]
bind-address = "10.0.0.5:9192"   # moved in 2019
auth-enabled = true
log-enabled = false
pprof-enabled = true
shared-secret = "canary-shared-secret"
shutdown-timeout = "20s"

[Auth]
enabled = true
cache-expiration = "2m"
bcrypt-cost = 12

[logging]
level = "WARN"

[[influxdb]]
name = "east"
urls = ["http://east:8086"]
subscription-protocol = "udp"

[[influxdb]] # the other one
name = "west"
http-port = 19092
kapacitor-hostname = "nat.example.com"
subscription-mode = "server"
subscription-path = "/west"

[[influxdb]]
name = "history"
disable-subscriptions = true

[[udp]]
enabled = true
bind-address = ":9100"
[[Graphite]]
Enabled = true
protocol = "udp"
[collectd]
enabled = true
[opentsdb]
enabled = true
`;
