#include "service/forward-proxy/conf_listen.h"

#include "service/forward-proxy/conf.h"

static const char *const socks_words[] = {"v4", "v5", NULL};

static const struct config_key listen_keys[] = {
	{.name = "address",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE | CONFIG_PORT_OPEN,
	 CONFIG_FIELD(struct forward_listen_conf, address),
	 .items_min = 1,
	 .items_max = FORWARD_ADDRESSES_MAX,
	 .example = "[10.0.0.1, \"[2001:db8::1]:8080\"]",
	 .help = "addresses, each with a port or with port 3128, with `tls` 3129, with `socks` "
		 "1080, with `transparent` 3180, with `transparent-tls` 3181"},
	{.name = "tls",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, tls),
	 .fallback = "off",
	 .help = "whether clients speak TLS to the proxy here (an HTTPS proxy: what they ask for, "
		 "and their password, is hidden on the way to it), with the `certificates`; "
		 "HTTP/2 or HTTP/1.1 inside"},
	{.name = "h2c",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, h2c),
	 .fallback = "off",
	 .help = "whether HTTP/2 without TLS is understood from clients that know of it beforehand "
		 "(RFC 9113 3.3)"},
	{.name = "socks",
	 .type = CONFIG_CHOICE,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct forward_listen_conf, socks),
	 .choices = socks_words,
	 .items_max = FORWARD_SOCKS_MAX,
	 .example = "[v5, v4]",
	 .help = "versions of SOCKS that are spoken here, and no HTTP: `v5` (RFC 1928), `v4` with "
		 "4a, its names. Clients connect by them where `socks-ports` says, by the same "
		 "rules as by CONNECT"},
	{.name = "udp",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, udp),
	 .fallback = "off",
	 .help = "whether clients of SOCKS 5 may send datagrams too (UDP ASSOCIATE): each by the "
		 "rules and to the ports by which they may connect"},
	{.name = "transparent",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, transparent),
	 .fallback = "off",
	 .help = "whether plain HTTP of clients that know of no proxy is served here: connections "
		 "that a rule of this machine's packet filter leads here (nftables `redirect`) on "
		 "their way to web servers. They go on to where they were meant to, by the same "
		 "rules; a connection that was meant for this address itself is refused"},
	{.name = "transparent-tls",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, transparent_tls),
	 .fallback = "off",
	 .help = "the same for TLS, mostly what was meant for port 443: nothing is decrypted. The "
		 "name that a client asks the server for (SNI) is judged as that of CONNECT is, "
		 "with its ports; who asks for none is judged by the address. What does not begin "
		 "with TLS is refused"},
	{.name = "tproxy",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct forward_listen_conf, tproxy),
	 .fallback = "off",
	 .help = "whether the packet filter may lead connections here by `tproxy` too, which "
		 "changes nothing in them and needs no tracking (IP_TRANSPARENT); `redirect` works "
		 "all the same. Opened by root only; a change needs a restart where the service "
		 "runs alone"},
};

const struct config_map forward_listen_map = {
	.help = "Addresses that are served alike",
	.size = sizeof(struct forward_listen_conf),
	CONFIG_KEYS(listen_keys),
	.alone = "address",
	.example = "address: [10.0.0.1, \"2001:db8::1\"]",
};

static const struct config_key certificate_keys[] = {
	{.name = "chain",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_certificate_conf, chain),
	 .example = "/etc/gatehouse/proxy.pem",
	 .help = "file of the certificate and of those that lead to its root, ours first (PEM); "
		 "read anew by a reload"},
	{.name = "key",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct forward_certificate_conf, key),
	 .example = "/etc/gatehouse/proxy.key",
	 .help = "file of its key (PEM, not encrypted), which the services' user must be able to "
		 "read for a reload"},
};

const struct config_map forward_certificate_map = {
	.help = "A certificate of the proxy itself; its names say for which hosts it is",
	.size = sizeof(struct forward_certificate_conf),
	CONFIG_KEYS(certificate_keys),
	CONFIG_LINE(struct forward_certificate_conf, line),
};

static uint16_t port_of(const struct forward_listen_conf *l)
{
	if (l->transparent)
		return FORWARD_PORT_TRANSPARENT;
	if (l->transparent_tls)
		return FORWARD_PORT_TRANSPARENT_TLS;
	if (l->socks.n)
		return FORWARD_PORT_SOCKS;
	return l->tls ? FORWARD_PORT_TLS : FORWARD_PORT_PLAIN;
}

size_t forward_doors(const struct forward_conf *conf, struct forward_door *ret, size_t max)
{
	const struct forward_listen_conf *listen = conf->listen.items;
	size_t n = 0;
	for (size_t i = 0; i < conf->listen.n; i++) {
		const struct ip_endpoint *addresses = listen[i].address.items;
		for (size_t k = 0; k < listen[i].address.n; k++, n++) {
			struct ip_endpoint at = addresses[k];
			if (!at.port)
				at.port = port_of(&listen[i]);
			if (n < max)
				ret[n] = (struct forward_door){
					.at = at, .listen = i, .tproxy = listen[i].tproxy};
		}
	}
	return n;
}

static void check_twice(const struct forward_door *doors, size_t n, struct config_at *at)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!ip_endpoint_equal(&doors[i].at, &doors[k].at))
				continue;
			(void)ip_endpoint_format(&doors[i].at, text);
			config_fail_item(at, "listen", doors[i].listen,
					 "%s is served twice; leave it in one place", text);
			break;
		}
	}
}

static void check_udp(const struct forward_listen_conf *l, size_t i, struct config_at *at)
{
	const int *versions = l->socks.items;
	bool five = false;
	for (size_t k = 0; k < l->socks.n; k++)
		five |= versions[k] == FORWARD_SOCKS_V5;
	if (l->udp && !five)
		config_fail_item(at, "listen", i,
				 "`udp` is of SOCKS 5: write `socks: v5`, or leave it out");
	if (l->udp && l->tls)
		config_fail_item(at, "listen", i,
				 "datagrams would go in the clear beside TLS: leave `udp` out, or "
				 "`tls`");
}

static void check_taken(const struct forward_listen_conf *l, size_t i, struct config_at *at)
{
	bool others = l->tls || l->h2c || l->socks.n;
	if (l->transparent && others)
		config_fail_item(at, "listen", i,
				 "who knows of no proxy speaks plain HTTP/1.1 here: leave "
				 "`tls`, `h2c` and `socks` out, or `transparent`");
	if (l->transparent_tls && others)
		config_fail_item(at, "listen", i,
				 "who knows of no proxy speaks TLS with a server here: leave "
				 "`tls`, `h2c` and `socks` out, or `transparent-tls`");
	if (l->tproxy && !l->transparent && !l->transparent_tls)
		config_fail_item(at, "listen", i,
				 "what comes by TPROXY was meant for others: write `transparent: "
				 "on` or `transparent-tls: on` too, or leave `tproxy` out");
	if (l->transparent && l->transparent_tls)
		config_fail_item(at, "listen", i,
				 "HTTP and TLS are led to addresses of their own: leave "
				 "`transparent` out, or `transparent-tls`");
}

void forward_listen_check(const struct forward_conf *conf, struct config_at *at)
{
	const struct forward_listen_conf *listen = conf->listen.items;
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	size_t n = forward_doors(conf, doors, FORWARD_ADDRESSES_MAX);
	if (n > FORWARD_ADDRESSES_MAX) {
		config_fail(at, "listen", "these are more than %d addresses",
			    FORWARD_ADDRESSES_MAX);
		return;
	}
	for (size_t i = 0; i < conf->listen.n && conf->certificates.n == 0; i++)
		if (listen[i].tls)
			config_fail_item(at, "listen", i,
					 "TLS needs a certificate: write `certificates: [{chain: "
					 "PATH, key: PATH}]`");
	for (size_t i = 0; i < conf->listen.n; i++)
		if (listen[i].h2c && listen[i].socks.n)
			config_fail_item(
				at, "listen", i,
				"HTTP and SOCKS are not spoken at one address: leave `h2c` "
				"out, or `socks`");
	for (size_t i = 0; i < conf->listen.n; i++)
		check_udp(&listen[i], i, at);
	for (size_t i = 0; i < conf->listen.n; i++)
		check_taken(&listen[i], i, at);
	check_twice(doors, n, at);
}
