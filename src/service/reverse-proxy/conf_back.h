/* How the servers of a pool are spoken to, as the configuration has it: the version of HTTP, and
 * TLS. Reads none of the files that it names.
 */
#ifndef REVERSE_PROXY_CONF_BACK_H
#define REVERSE_PROXY_CONF_BACK_H

#include "config/schema.h"

enum reverse_protocol {
	REVERSE_PROTOCOL_AUTO, /* over TLS what ALPN agrees on, else HTTP/1.1 */
	REVERSE_PROTOCOL_HTTP1,
	REVERSE_PROTOCOL_H2,
};

extern const char *const reverse_protocol_choices[];

struct reverse_back_certificate_conf {
	const char *chain, *key; /* paths of PEM files */
};

struct reverse_back_tls_conf {
	bool on;
	const char *ca;	  /* path of a PEM file; NULL: whom the system trusts */
	const char *name; /* to ask for and to check; NULL: the server's own */
	bool verify;
	struct reverse_back_certificate_conf certificate; /* of ours */
	bool has_certificate;
	int version_min; /* enum tls_version */
	uint32_t line;
};

extern const struct config_map reverse_back_tls_map;

#endif
