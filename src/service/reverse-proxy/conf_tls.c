#include "service/reverse-proxy/conf_tls.h"

#include "service/reverse-proxy/conf_acme.h"

static const struct config_key certificate_keys[] = {
	{.name = "chain",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_certificate_conf, chain),
	 .example = "/etc/gatehouse/www.pem",
	 .help = "file of the certificate and of those that lead to its root, the server's first "
		 "(PEM); read anew by a reload"},
	{.name = "key",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_certificate_conf, key),
	 .example = "/etc/gatehouse/www.key",
	 .help = "file of its key (PEM, not encrypted), which the services' user must be able to "
		 "read for a reload"},
	{.name = "staple",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_certificate_conf, staple),
	 .fallback = "yes",
	 .help = "whether an OCSP answer goes with it (RFC 6066 8), where it names a server that "
		 "has "
		 "one; the chain must have its issuer"},
	{.name = "staple-file",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_certificate_conf, staple_file),
	 .example = "/etc/gatehouse/www.ocsp",
	 .help = "file of that answer (DER), instead of the server's; read anew by a reload, and "
		 "before its time ends"},
	{.name = "names",
	 .type = CONFIG_NAME,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct reverse_certificate_conf, names),
	 .items_min = 1,
	 .items_max = REVERSE_CERTIFICATE_NAMES_MAX,
	 .example = "[www.home.arpa, home.arpa]",
	 .help = "instead of files: the names of one that is ordered from an authority, and "
		 "renewed"},
	{.name = "acme",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct reverse_certificate_conf, acme),
	 .min = 1,
	 .max = 64,
	 .example = "site",
	 .help = "with `names`: which of the `authorities`"},
	{.name = "key-type",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct reverse_certificate_conf, key_type),
	 CONFIG_PRESENT(struct reverse_certificate_conf, has_key_type),
	 .choices = reverse_key_types,
	 .example = "rsa2048",
	 .help = "with `names`: the kind of its key; the authority's unless set"},
};

/* Files, or an order. */
static void certificate_check(const void *conf, struct config_at *at)
{
	const struct reverse_certificate_conf *c = conf;
	bool files = c->chain || c->key || c->staple_file;
	bool ordered = c->names.n || c->acme || c->has_key_type;
	if (files && ordered)
		config_fail(at,
			    c->acme	 ? "acme"
			    : c->names.n ? "names"
					 : "key-type",
			    "a certificate is read from `chain` and `key`, or ordered by `names` "
			    "and `acme`, not both");
	else if (!files && !ordered)
		config_fail(at, NULL,
			    "write `chain: PATH` and `key: PATH`, or `names: [NAME]` and `acme: "
			    "AUTHORITY`");
	else if (files && (!c->chain || !c->key))
		config_fail(at, NULL, "`%s: PATH` is missing", c->chain ? "key" : "chain");
	else if (ordered && (!c->names.n || !c->acme))
		config_fail(at, NULL, "`%s` is missing",
			    c->names.n ? "acme: AUTHORITY" : "names: [NAME]");
}

const struct config_map reverse_certificate_map = {
	.help = "A certificate, from files or from an authority; its names say for which hosts it "
		"is",
	.size = sizeof(struct reverse_certificate_conf),
	CONFIG_KEYS(certificate_keys),
	.check = certificate_check,
	CONFIG_LINE(struct reverse_certificate_conf, line),
};

static const struct config_key client_keys[] = {
	{.name = "ca",
	 .type = CONFIG_PATH,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct reverse_client_certificates_conf, ca),
	 .example = "/etc/gatehouse/clients-ca.pem",
	 .help = "file of the authorities by one of which a client's certificate must be signed "
		 "(PEM); read anew by a reload"},
	{.name = "required",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct reverse_client_certificates_conf, required),
	 .fallback = "yes",
	 .help = "whether a client without a certificate is refused; one with a bad certificate "
		 "always is"},
	{.name = "crl",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct reverse_client_certificates_conf, crl),
	 .example = "/etc/gatehouse/clients-crl.pem",
	 .help = "file of the authorities' lists of revoked certificates (PEM), one of each "
		 "authority on the way; out of its time it lets nobody in; read anew by a reload"},
};

const struct config_map reverse_client_certificates_map = {
	.help = "Certificates that clients must or may show. Servers are told of them by the "
		"fields "
		"`Client-Cert` (RFC 9440), `X-Client-Cert-Subject`, `-Issuer`, `-Serial` and "
		"`-Fingerprint`, which a route's `header` can match too",
	.size = sizeof(struct reverse_client_certificates_conf),
	CONFIG_KEYS(client_keys),
	CONFIG_LINE(struct reverse_client_certificates_conf, line),
	.alone = "ca",
};
