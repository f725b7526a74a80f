/* Addresses are those of RFC 5737 and RFC 3849 for documentation, and private ones in the site:
 *
 *	 root-a root-b   com-a com-b   kr-a kr-b      ns1 ns2   hanbit seoul eng   web    roamer
 *	   .10    .11     .20   .21    .30  .31       .53  .54   .60   .61  .62   .80-.83  .90
 *	---+------+-------+-----+------+----+-- core --+----+-----+-----+----+-----+-------+--
 *hosting 198.51.100.0/24 |                                 | 203.0.113.0/24
 *	                              +--------------[isp]--------------+
 *	                                               | 192.0.2.0/24 access
 *	                                           [gateway] the site's: resolver, authority, dhcp,
 *nat | 192.168.7.0/24 lan, addresses by DHCP client1 client2 client3 nas laptop
 *
 * Nobody but the gateway has a route to the site's addresses: what comes back has been translated.
 */
#include "lab/topology.h"

#include "lab/certificate.h"
#include "lab/zones.h"

#include <string.h>

#define AUTHORITY(zones)                                                                           \
	"global: {run: run}\n"                                                                     \
	"authority:\n"                                                                             \
	"  listen: [0.0.0.0, \"[::]\"]\n"                                                          \
	"  workers: 1\n"                                                                           \
	"  zones:\n" zones

static const struct lab_file root_files[] = {
	{"gatehouse.yaml", AUTHORITY("    - {origin: ., file: root.zone}\n")},
	{"root.zone", LAB_ZONE_ROOT},
	{0},
};

static const struct lab_file com_files[] = {
	{"gatehouse.yaml", AUTHORITY("    - {origin: com, file: com.zone}\n")},
	{"com.zone", LAB_ZONE_COM},
	{0},
};

static const struct lab_file kr_files[] = {
	{"gatehouse.yaml", AUTHORITY("    - {origin: kr, file: kr.zone}\n")},
	{"kr.zone", LAB_ZONE_KR},
	{0},
};

static const struct lab_file hosting_files[] = {
	{"gatehouse.yaml",
	 AUTHORITY("    - {origin: example.com, file: example.com.zone}\n"
		   "    - {origin: shop.com, file: shop.com.zone}\n"
		   "    - {origin: xn--3e0b707e.kr, file: hanguk.kr.zone}\n"
		   "    - {origin: 113.0.203.in-addr.arpa, file: 203.0.113.zone}\n")},
	{"example.com.zone", LAB_ZONE_EXAMPLE_COM},
	{"shop.com.zone", LAB_ZONE_SHOP_COM},
	{"hanguk.kr.zone", LAB_ZONE_HANGUK_KR},
	{"203.0.113.zone", LAB_ZONE_REVERSE},
	{0},
};

static const struct lab_file hanbit_files[] = {
	{"gatehouse.yaml", AUTHORITY("    - {origin: hanbit.kr, file: hanbit.kr.zone}\n")},
	{"hanbit.kr.zone", LAB_ZONE_HANBIT_KR},
	{0},
};

static const struct lab_file seoul_files[] = {
	{"gatehouse.yaml",
	 AUTHORITY("    - {origin: seoul.hanbit.kr, file: seoul.hanbit.kr.zone}\n")},
	{"seoul.hanbit.kr.zone", LAB_ZONE_SEOUL_HANBIT_KR},
	{0},
};

static const struct lab_file eng_files[] = {
	{"gatehouse.yaml", AUTHORITY("    - {origin: eng.hanbit.kr, file: eng.hanbit.kr.zone}\n")},
	{"eng.hanbit.kr.zone", LAB_ZONE_ENG_HANBIT_KR},
	{0},
};

/* For updates of the gateway's own zones by its own address server. */
#define LAB_KEY "c21hbGwgaW50ZXJuZXQga2V5IDE="

/* The ends of the tunnels, made for this lab: secret to nobody. */
#define GATEWAY_KEY    "iMWDnbqj9fSTbA0J4HYmNT44TXF+3z3FEqJkBaJoIHY="
#define GATEWAY_PUBLIC "HWcovFtllyfMLUEkd1ISqfiljyMpJw/AikC0euU3VV0="
#define ROAMER_KEY     "APlLIHclGmiUh1fNkxKQd8oIuiibZgH3qZC6Y4RoQlo="
#define ROAMER_PUBLIC  "4GgnnZ3Caur1cm6M41TbvENZJsgcQey5cMyTpmt/B1k="
#define OFFICE_KEY     "yBpcq+8PhEYnEl1QygLu4aa9TmZgle4OByiFcCJBeXM="
#define OFFICE_PUBLIC  "I5veGrhaDWEUExpP1G5nky0yFCvT1i06fBQ3M0zJ4l4="

/* Who begins tunnels to the site: its address inside, its key, and what it says now and then so
 * that it can be called. */
#define TUNNEL_HOME(device, address, key, more)                                                    \
	"global: {run: run, state: state}\n"                                                       \
	"vpn:\n"                                                                                   \
	"  workers: 1\n"                                                                           \
	"  interfaces:\n"                                                                          \
	"    " device ":\n"                                                                        \
	"      addresses: " address "/24\n"                                                        \
	"      private-key: " key "\n"                                                             \
	"      peers:\n"                                                                           \
	"        home:\n"                                                                          \
	"          public-key: " GATEWAY_PUBLIC "\n"                                               \
	"          endpoint: 192.0.2.2:51820\n"                                                    \
	"          allowed-ips: [10.9.7.0/24, 192.168.7.0/24]\n" more

/* What a person does with a browser: NAME PASSWORD CODE. */
#define SIGN_IN                                                                                    \
	"set -e\n"                                                                                 \
	"cd \"$(mktemp -d)\"\n"                                                                    \
	"page=https://login.home.arpa\n"                                                           \
	"curl -s -m 10 -o authority http://login.home.arpa/authority.crt\n"                        \
	"{ echo -----BEGIN CERTIFICATE-----; base64 -w 64 authority\n"                             \
	"  echo -----END CERTIFICATE-----; } > authority.pem\n"                                    \
	"browse() { curl -s -m 20 --cacert authority.pem -b cookies -c cookies \"$@\"; }\n"        \
	"form=$(browse $page/ | sed -n 's/.*name=\"form\" value=\"\\([^\"]*\\)\".*/\\1/p')\n"      \
	"browse -o answer -w '%{http_code} ' -d form=$form -d user=$1 --data-urlencode "           \
	"password=\"$2\" -d code=$3 $page/sign-in\n"                                               \
	"sed -n 's/.*<h1>\\([^<]*\\)<.*/\\1/p' answer\n"

/* What a client learns of a server by TLS: NAME. */
#define SHOW_TLS                                                                                   \
	"openssl s_client -brief -verify_return_error -CAfile " LAB_AUTHORITY " "                  \
	"-servername \"$1\" -connect \"$1:443\" </dev/null 2>&1\n"

/* Asks for a page until the file "enough" is here, then says which answers came how often: URL. */
#define ASK_ON                                                                                     \
	"cd /run/lab/visitor || exit 1\n"                                                          \
	"rm -f enough; : >answers\n"                                                               \
	"ask() { curl -s -m 10 --cacert " LAB_AUTHORITY " -o page -w '%{http_code} ' \"$@\"; }\n"  \
	"while test ! -e enough; do\n"                                                             \
	"  if ask \"$1\"; then sed 's/;.*//' page; else echo no answer; fi >>answers\n"            \
	"  sleep 0.05\n"                                                                           \
	"done\n"                                                                                   \
	"sort answers | uniq -c\n"

static const struct lab_file roamer_files[] = {
	{"gatehouse.yaml", TUNNEL_HOME("wg-home", "10.9.7.2", ROAMER_KEY, "")},
	{"sign-in.sh", SIGN_IN},
	{0},
};

static const struct lab_file office_files[] = {
	{"gatehouse.yaml",
	 TUNNEL_HOME("wg-site", "10.9.7.3", OFFICE_KEY, "          keepalive: 25s\n")},
	{0},
};

/* A page by the site's forward proxy as a person would see it. */
#define SHOW_PAGE                                                                                  \
	"#!/bin/sh\n"                                                                              \
	"# page.sh ADDRESS: a page by the forward proxy, without its marks\n"                      \
	"curl -sS -w '(%{http_code})\\n' --proxy http://192.168.7.1:3128 \"$1\" |\n"               \
	"	sed -e 's/<title>.*<\\/style>//' -e 's/<[^>]*>/ /g' -e '/^ *$/d'\n"

/* Somebody out there who belongs to nobody: a resolver of his own, and the programs of the tour. */
static const struct lab_file visitor_files[] = {
	{"gatehouse.yaml", "global: {run: run}\n"
			   "resolver:\n"
			   "  listen: 127.0.0.1\n"
			   "  workers: 1\n"
			   "  access: 127.0.0.0/8\n"
			   "  roots: [198.51.100.10, 198.51.100.11]\n"
			   "  special-names: off # the addresses here are those of RFC 5737\n"},
	{"tls.sh", SHOW_TLS},
	{"ask.sh", ASK_ON},
	{"page.sh", SHOW_PAGE},
	{0},
};

/* The name of the site's two web servers in the world. */
#define LAB_CLOUD "cloud.example.com"

static const struct lab_file gateway_files[] = {
	{"gatehouse.yaml",
	 "global: {run: run, state: state, bpf: bpf}\n"
	 "resolver:\n"
	 "  listen: [192.168.7.1, \"[fd00:7::1]\", 127.0.0.1]\n"
	 "  workers: 1\n"
	 "  access: [192.168.7.0/24, 192.168.8.0/24, 10.9.7.0/24, \"fd00:7::/64\", "
	 "127.0.0.0/8]\n"
	 "  roots: [198.51.100.10, 198.51.100.11]\n"
	 "  special-names: off # the addresses here are those of RFC 5737\n"
	 "  stub:\n"
	 "    - {zone: home.arpa, to: [\"127.0.0.1:5300\"]}\n"
	 "    - {zone: 7.168.192.in-addr.arpa, to: [\"127.0.0.1:5300\"]}\n"
	 "authority:\n"
	 "  listen: [\"127.0.0.1:5300\"]\n"
	 "  workers: 1\n"
	 "  keys: [{name: dhcp, secret: " LAB_KEY "}]\n"
	 "  zones:\n"
	 "    - {origin: home.arpa, update: {key: dhcp}, file: home.arpa.zone}\n"
	 "    - {origin: 7.168.192.in-addr.arpa, update: {key: dhcp}, file: 192.168.7.zone}\n"
	 "dhcp:\n"
	 "  networks:\n"
	 "    - subnet: 192.168.7.0/24\n"
	 "      pools: [{range: 192.168.7.100-192.168.7.199, allocate: automatic}]\n"
	 "      options:\n"
	 "        routers: 192.168.7.1\n"
	 "        domain-name-servers: 192.168.7.1\n"
	 "        domain-name: home.arpa\n"
	 "  names:\n"
	 "    domain: home.arpa\n"
	 "    server: 127.0.0.1:5300\n"
	 "    reverse: 7.168.192.in-addr.arpa\n"
	 "    key: dhcp\n"
	 "    secret: " LAB_KEY "\n"
	 "nat:\n"
	 "  outside: eth0\n"
	 "  inside: lan\n"
	 "  domain: home.arpa\n"
	 "  # The servers outside have addresses of RFC 5737, which nobody has in the true "
	 "internet:\n"
	 "  # what comes from there would be dropped.\n"
	 "  bogons: off\n"
	 "  limits: {flows: 16384}\n"
	 "  firewall:\n"
	 "    - {action: allow, from: outside, to: gateway, traffic: [51820/udp, 443/tcp]}\n"
	 "  forward:\n"
	 "    - {from: 80/tcp, to: \"nas:80\"} # follows the lease of the host that has this "
	 "name\n"
	 "vpn:\n"
	 "  workers: 1\n"
	 "  interfaces:\n"
	 "    wg0:\n"
	 "      addresses: 10.9.7.1/24\n"
	 "      private-key: " GATEWAY_KEY "\n"
	 "      peers:\n"
	 "        roamer: # a person with a laptop: closed until somebody signs in\n"
	 "          public-key: " ROAMER_PUBLIC "\n"
	 "          allowed-ips: 10.9.7.2\n"
	 "          sign-in: required\n"
	 "          users: anna\n"
	 "        office: # another site\n"
	 "          public-key: " OFFICE_PUBLIC "\n"
	 "          allowed-ips: [10.9.7.3, 192.168.8.0/24]\n"
	 "  sign-in: {name: login.home.arpa}\n"
	 "policy:\n"
	 "  rules:\n"
	 "    - {names: [\"||shop.com^\"], reason: Shops are for after work.}\n"
	 "forward-proxy: # by which hosts of the site go out, if they are told to\n"
	 "  workers: 1\n"
	 "  listen: 192.168.7.1\n"
	 "  clients: 192.168.7.0/24\n"
	 "  # The servers outside have addresses of RFC 5737 and 3849, where nobody is gone to.\n"
	 "  allow-inside: [203.0.113.0/24, \"2001:db8:113::/64\"]\n"
	 "  cache: {memory: 32M}\n"
	 "  policy: on\n"
	 "reverse-proxy: # two web servers of the site, seen as one from outside\n"
	 "  workers: 1\n"
	 "  listen: {address: 192.0.2.2, tls: yes}\n"
	 "  certificates: {chain: " LAB_CLOUD ".pem, key: " LAB_CLOUD ".key}\n"
	 "  pools:\n"
	 "    cloud:\n"
	 "      servers: [\"192.168.7.11:80\", \"192.168.7.12:80\"]\n"
	 "      balance: round-robin\n"
	 "      check: {http: /alive, interval: 250ms, fall: 2}\n"
	 "  routes: {host: " LAB_CLOUD ", to: cloud}\n"},
	{"home.arpa.zone", LAB_ZONE_HOME},
	{"192.168.7.zone", LAB_ZONE_HOME_REVERSE},
	{0},
};

#define CORE_4 "198.51.100."
#define CORE_6 "2001:db8:51::"
#define HOST_4 "203.0.113."
#define HOST_6 "2001:db8:113::"

#define CORE(host, what, n, f)                                                                     \
	{                                                                                          \
		.name = (host), .role = (what), .router = "isp", .bridge = "core",                 \
		.addresses = {CORE_4 #n "/24", CORE_6 #n "/64"},                                   \
		.gateways = {CORE_4 "1", CORE_6 "1"}, .files = (f)                                 \
	}
#define HOSTING(host, what, n, f)                                                                  \
	{                                                                                          \
		.name = (host), .role = (what), .router = "isp", .bridge = "hosting",              \
		.addresses = {HOST_4 #n "/24", HOST_6 #n "/64"},                                   \
		.gateways = {HOST_4 "1", HOST_6 "1"}, .files = (f)                                 \
	}
#define CLIENT(host, what, n, from)                                                                \
	{                                                                                          \
		.name = (host), .role = (what), .router = "gateway", .bridge = "lan",              \
		.addresses = {"fd00:7::" #n "/64"}, .gateways = {"fd00:7::1"}, .ipv4 = (from)      \
	}

#define APP(host, what, n, which)                                                                  \
	{                                                                                          \
		.name = (host), .role = (what), .router = "gateway", .bridge = "lan",              \
		.addresses = {"192.168.7." #n "/24", "fd00:7::" #n "/64"},                         \
		.gateways = {"192.168.7.1", "fd00:7::1"}, .nameserver = "192.168.7.1",             \
		.web = "The cloud's " which " server"                                              \
	}

const struct lab_host lab_hosts[] = {
	{.name = "isp", .role = "router of the provider, in the middle of all"},
	CORE("root-a", "root server", 10, root_files),
	CORE("root-b", "root server", 11, root_files),
	CORE("com-a", "TLD server of com", 20, com_files),
	CORE("com-b", "TLD server of com", 21, com_files),
	CORE("kr-a", "TLD server of kr", 30, kr_files),
	CORE("kr-b", "TLD server of kr", 31, kr_files),
	HOSTING("ns1", "authoritative server of example.com, shop.com, …", 53, hosting_files),
	HOSTING("ns2", "authoritative server, the second of the pair", 54, hosting_files),
	HOSTING("hanbit", "authoritative server of hanbit.kr, a large company", 60, hanbit_files),
	HOSTING("seoul", "authoritative server of seoul.hanbit.kr", 61, seoul_files),
	HOSTING("eng", "authoritative server of eng.hanbit.kr", 62, eng_files),
	{.name = "web",
	 .role = "four web servers' addresses",
	 .router = "isp",
	 .bridge = "hosting",
	 .addresses = {HOST_4 "80/24", HOST_4 "81/24", HOST_4 "82/24", HOST_4 "83/24",
		       HOST_6 "80/64"},
	 .gateways = {HOST_4 "1", HOST_6 "1"},
	 .web = "A web server in the internet"},
	{.name = "roamer",
	 .role = "somebody out there, who calls the site, or joins it by a tunnel",
	 .router = "isp",
	 .bridge = "hosting",
	 .addresses = {HOST_4 "90/24", HOST_6 "90/64"},
	 .gateways = {HOST_4 "1", HOST_6 "1"},
	 .nameserver = "192.168.7.1",
	 .files = roamer_files},
	{.name = "visitor",
	 .role = "somebody out there, who sees of the site what all the world does",
	 .router = "isp",
	 .bridge = "hosting",
	 .addresses = {HOST_4 "91/24", HOST_6 "91/64"},
	 .gateways = {HOST_4 "1", HOST_6 "1"},
	 .nameserver = "127.0.0.1",
	 .files = visitor_files},
	{.name = "office",
	 .role = "the gateway of another site, joined to the first by a tunnel",
	 .router = "isp",
	 .bridge = "hosting",
	 .addresses = {HOST_4 "95/24", HOST_6 "95/64"},
	 .gateways = {HOST_4 "1", HOST_6 "1"},
	 .files = office_files},
	{.name = "desk",
	 .role = "a host of that other site",
	 .router = "office",
	 .bridge = "desks",
	 .addresses = {"192.168.8.10/24", "fd00:8::10/64"},
	 .gateways = {"192.168.8.1", "fd00:8::1"},
	 .nameserver = "192.168.7.1",
	 .web = "The other site's own server"},
	{.name = "gateway",
	 .role = "the site's gateway: resolver, authority, addresses, translation, proxies",
	 .router = "isp",
	 .bridge = "access",
	 .addresses = {"192.0.2.2/24", "2001:db8:2::2/64"},
	 .gateways = {"192.0.2.1", "2001:db8:2::1"},
	 .nameserver = "127.0.0.1",
	 .files = gateway_files,
	 .certified = LAB_CLOUD,
	 .translates = true},
	CLIENT("client1", "a host of the site, its address by DHCP", 101, LAB_DHCP),
	CLIENT("client2", "a host of the site, its address by DHCP", 102, LAB_DHCP),
	CLIENT("client3", "a host of the site, its address by DHCP", 103, LAB_DHCP),
	{.name = "nas",
	 .role = "a server of the site, its address by DHCP",
	 .router = "gateway",
	 .bridge = "lan",
	 .addresses = {"fd00:7::105/64"},
	 .gateways = {"fd00:7::1"},
	 .ipv4 = LAB_DHCP,
	 .web = "The site's own server"},
	APP("app1", "one of two web servers, which the gateway makes one of", 11, "first"),
	APP("app2", "the other", 12, "second"),
	CLIENT("laptop", "plugged in, and without an address until udhcpc runs there", 104,
	       LAB_LATER),
	{0},
};

const struct lab_bridge lab_bridges[] = {
	{"isp", "core", {CORE_4 "1/24", CORE_6 "1/64"}},
	{"isp", "hosting", {HOST_4 "1/24", HOST_6 "1/64"}},
	{"isp", "access", {"192.0.2.1/24", "2001:db8:2::1/64"}},
	{"gateway", "lan", {"192.168.7.1/24", "fd00:7::1/64"}},
	{"office", "desks", {"192.168.8.1/24", "fd00:8::1/64"}},
	{0},
};

const struct lab_host *lab_host_find(const char *name)
{
	for (const struct lab_host *h = lab_hosts; h->name; h++)
		if (strcmp(h->name, name) == 0)
			return h;
	return NULL;
}
