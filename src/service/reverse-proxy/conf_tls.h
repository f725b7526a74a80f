/* The certificates that clients are shown, as the configuration has them: from files, or ordered
 * from an authority. Reads none of their files.
 */
#ifndef REVERSE_PROXY_CONF_TLS_H
#define REVERSE_PROXY_CONF_TLS_H

#include "config/schema.h"

enum { REVERSE_CERTIFICATES_MAX = 4096, REVERSE_CERTIFICATE_NAMES_MAX = 64 };

/* Either files, or names and an authority. */
struct reverse_certificate_conf {
	const char *chain, *key;  /* paths of PEM files; NULL: ordered */
	struct config_list names; /* struct dns_name */
	const char *acme;	  /* name of an authority; NULL: files */
	bool has_key_type;	  /* key_type was written; else the authority's */
	int key_type;		  /* enum certificate_key */
	const char *staple_file;  /* path of an OCSP answer, DER; NULL: its server is asked */
	bool staple;
	uint32_t line;
};

/* Which clients a listener takes by their certificates. */
struct reverse_client_certificates_conf {
	const char *ca;	 /* path of a PEM file; NULL: none is asked for */
	const char *crl; /* likewise; NULL: who is revoked is not asked */
	bool required;
	uint32_t line;
};

extern const struct config_map reverse_certificate_map, reverse_client_certificates_map;

#endif
