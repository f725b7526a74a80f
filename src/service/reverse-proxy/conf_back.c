#include "service/reverse-proxy/conf_back.h"

#include "proto/http/token.h"
#include "proto/ip/address.h"

#include <string.h>

const char *const reverse_protocol_choices[] = {"auto", "http/1.1", "h2", NULL};
static const char *const version_choices[] = {"1.2", "1.3", NULL};

static const struct config_key certificate_keys[] = {
	{.name = "chain",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_back_certificate_conf, chain),
	 .example = "/etc/gatehouse/proxy.pem",
	 .help = "file of the certificate and of those that lead to its root (PEM)"},
	{.name = "key",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_back_certificate_conf, key),
	 .example = "/etc/gatehouse/proxy.key",
	 .help = "file of its key (PEM, not encrypted)"},
};

static const struct config_map certificate_map = {
	.help = "What a server that asks for a certificate is shown",
	.size = sizeof(struct reverse_back_certificate_conf),
	CONFIG_KEYS(certificate_keys),
};

static const struct config_key tls_keys[] = {
	{.name = "on",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_back_tls_conf, on),
	 .fallback = "on",
	 .help = "whether the servers are spoken to by TLS"},
	{.name = "ca",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_back_tls_conf, ca),
	 .example = "/etc/gatehouse/site-ca.pem",
	 .help = "file of the authorities that may vouch for the servers (PEM); those that the "
		 "system trusts unless set; read anew by a reload"},
	{.name = "name",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_back_tls_conf, name),
	 .min = 1,
	 .max = 255,
	 .example = "app.home.arpa",
	 .help = "the name that is asked for (SNI) and that the certificate must be for; unless "
		 "set that of the server: its name, of `srv` the domain behind the service, or its "
		 "address, which is checked and not asked for"},
	{.name = "verify",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_back_tls_conf, verify),
	 .fallback = "on",
	 .help = "whether the certificate is checked; without that anybody on the way can be the "
		 "server, and the log says so"},
	{.name = "certificate",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct reverse_back_tls_conf, certificate),
	 CONFIG_PRESENT(struct reverse_back_tls_conf, has_certificate),
	 .map = &certificate_map,
	 .example = "{chain: /etc/gatehouse/proxy.pem, key: /etc/gatehouse/proxy.key}",
	 .help = "ours, for servers that ask for one"},
	{.name = "version-min",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_back_tls_conf, version_min),
	 .choices = version_choices,
	 .fallback = "1.2",
	 .help = "the oldest version of TLS that is spoken"},
};

static void judge(const void *conf, struct config_at *at)
{
	const struct reverse_back_tls_conf *c = conf;
	struct ip_address address;
	if (c->name && ip_address_parse(span_text(c->name), &address) &&
	    (!http_is_host(span_text(c->name)) || strpbrk(c->name, ":[]")))
		config_fail(at, "name", "'%s' is no name of a server", c->name);
	if (c->ca && !c->verify)
		config_fail(at, "ca",
			    "with `verify: no` nobody vouches for the server; write one "
			    "of the two");
}

const struct config_map reverse_back_tls_map = {
	.help = "TLS to the servers of a pool",
	.size = sizeof(struct reverse_back_tls_conf),
	CONFIG_KEYS(tls_keys),
	CONFIG_LINE(struct reverse_back_tls_conf, line),
	.check = judge,
	.alone = "on",
	.example = "{ca: /etc/gatehouse/site-ca.pem, name: app.home.arpa}",
};
