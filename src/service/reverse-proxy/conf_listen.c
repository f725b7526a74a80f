#include "service/reverse-proxy/conf_listen.h"

#include "service/reverse-proxy/conf.h"

static const struct config_key header_keys[] = {
	{.name = "from",
	 .type = CONFIG_PREFIX,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST,
	 CONFIG_FIELD(struct reverse_header_conf, from),
	 .items_min = 1,
	 .items_max = 256,
	 .example = "[10.0.0.0/8]",
	 .help = "networks of the load balancers that send it; connections of others begin "
		 "without one"},
};

static const struct config_map header_map = {
	.help = "The PROXY header (version 1 or 2) that a load balancer in front sends first, "
		"which "
		"says who the client is",
	.size = sizeof(struct reverse_header_conf),
	CONFIG_KEYS(header_keys),
	.alone = "from",
};

static const struct config_key listen_keys[] = {
	{.name = "address",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE | CONFIG_PORT_OPEN,
	 CONFIG_FIELD(struct reverse_listen_conf, address),
	 .items_min = 1,
	 .items_max = REVERSE_ADDRESSES_MAX,
	 .example = "[192.0.2.1, \"[2001:db8::1]:8080\"]",
	 .help = "addresses, each with a port or with port 80, with `tls` 443"},
	{.name = "tls",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_listen_conf, tls),
	 .fallback = "off",
	 .help = "whether clients speak TLS here (1.2 or 1.3, HTTP/2 or HTTP/1.1 inside), with the "
		 "`certificates`"},
	{.name = "client-certificates",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_listen_conf, clients),
	 .map = &reverse_client_certificates_map,
	 .help = "with `tls`: certificates that clients must or may show"},
	{.name = "refuse-unknown-names",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_listen_conf, refuse_unknown),
	 .fallback = "no",
	 .help = "with `tls`: whether a client that asks for a name of no certificate, or for "
		 "none, is "
		 "refused instead of shown the first certificate"},
	{.name = "proxy-header",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_listen_conf, proxy_header),
	 .map = &header_map,
	 .help = "of whom a PROXY header is expected"},
	{.name = "h2c",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_listen_conf, h2c),
	 .fallback = "off",
	 .help = "whether HTTP/2 without TLS is understood from clients that know of it beforehand "
		 "(RFC 9113 3.3)"},
};

const struct config_map reverse_listen_map = {
	.help = "Addresses that are served alike",
	.size = sizeof(struct reverse_listen_conf),
	CONFIG_KEYS(listen_keys),
	.alone = "address",
	.example = "address: [192.0.2.1, \"2001:db8::1\"]",
};

struct ip_endpoint reverse_listen_endpoint(const struct reverse_listen_conf *l, size_t address)
{
	const struct ip_endpoint *addresses = l->address.items;
	struct ip_endpoint e = addresses[address];
	if (e.port == 0)
		e.port = l->tls ? REVERSE_PORT_TLS : REVERSE_PORT_PLAIN;
	return e;
}

size_t reverse_doors(const struct reverse_conf *conf, struct reverse_door *ret, size_t max)
{
	const struct reverse_listen_conf *listen = conf->listen.items;
	size_t n = 0;
	for (size_t i = 0; i < conf->listen.n; i++)
		for (size_t k = 0; k < listen[i].address.n; k++, n++)
			if (n < max)
				ret[n] = (struct reverse_door){
					.at = reverse_listen_endpoint(&listen[i], k), .listen = i};
	return n;
}

void reverse_listen_check(const struct reverse_conf *conf, struct config_at *at)
{
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	size_t n = reverse_doors(conf, doors, REVERSE_ADDRESSES_MAX);
	char text[IP_ENDPOINT_TEXT_MAX];
	const struct reverse_listen_conf *listen = conf->listen.items;
	if (n > REVERSE_ADDRESSES_MAX) {
		config_fail(at, "listen", "these are more than %d addresses",
			    REVERSE_ADDRESSES_MAX);
		return;
	}
	for (size_t i = 0; i < conf->listen.n && conf->certificates.n == 0; i++)
		if (listen[i].tls)
			config_fail_item(at, "listen", i,
					 "TLS needs a certificate: write `certificates: [{chain: "
					 "PATH, key: PATH}]` or `[{names: [NAME], acme: "
					 "AUTHORITY}]`");
	for (size_t i = 0; i < conf->listen.n; i++)
		if (!listen[i].tls && (listen[i].clients.ca || listen[i].refuse_unknown))
			config_fail_item(at, "listen", i, "`%s` is of TLS: write `tls: yes` too",
					 listen[i].clients.ca ? "client-certificates"
							      : "refuse-unknown-names");
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
