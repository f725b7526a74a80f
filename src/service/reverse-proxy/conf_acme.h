/* Authorities that certificates are ordered from by ACME (RFC 8555), as the configuration has them,
 * and where what they give is kept. Orders nothing and reads no file.
 */
#ifndef REVERSE_PROXY_CONF_ACME_H
#define REVERSE_PROXY_CONF_ACME_H

#include "base/span.h"
#include "config/schema.h"
#include "proto/dns/name.h"
#include "proto/dns/tsig.h"
#include "proto/ip/address.h"

struct reverse_certificate_conf;
struct reverse_conf;

enum {
	REVERSE_AUTHORITIES_MAX = 64,
	REVERSE_CONTACTS_MAX = 8,
	REVERSE_ACME_ZONES_MAX = 64,
	REVERSE_STORE_KEY_LEN = 32,
	REVERSE_STORE_URL_MAX = 4096, /* bytes with the NUL */
	REVERSE_ACME_KEY_LEN = 256,   /* of a foreign account */
};

/* Where the records of dns-01 are written, by UPDATE (RFC 2136). */
struct reverse_acme_dns_conf {
	struct ip_endpoint server; /* no family: not written */
	struct config_list zones;  /* struct dns_name */
	struct dns_name key;	   /* length 0: unsigned */
	int algorithm;
	struct span secret; /* base64 */
	uint64_t wait_ms;   /* until the authority may look */
};

struct reverse_account_conf {
	const char *id;	 /* NULL: none */
	struct span key; /* base64url */
};

struct reverse_authority_conf {
	const char *name;
	const char *directory;
	struct config_list contact; /* const char * */
	const char *ca;		    /* path; NULL: whom the system trusts */
	int challenge;		    /* enum acme_challenge (acme/acme.h) */
	int key_type;		    /* enum certificate_key (crypto/certificate_order.h) */
	enum { REVERSE_TERMS_UNREAD, REVERSE_TERMS_AGREED } terms;
	const char *issuer; /* of the chain that is preferred; NULL: any */
	struct reverse_account_conf account;
	struct reverse_acme_dns_conf dns;
	uint32_t line;
};

extern const struct config_map reverse_authority_map;
extern const char *const reverse_key_types[];

/* The authority of that name, or SIZE_MAX. */
size_t reverse_authority_find(const struct reverse_conf *conf, const char *name);
/* Whether any certificate is ordered. */
bool reverse_orders(const struct reverse_conf *conf);
/* Where the record for a name must be written: the longest zone that has it; NULL: none has. */
const struct dns_name *reverse_acme_zone(const struct reverse_acme_dns_conf *conf,
					 const struct dns_name *name);
/* ERR_FORMAT: the secret is no base64, or too short. */
MUST enum err reverse_acme_tsig(const struct reverse_acme_dns_conf *conf, struct dns_tsig_key *ret);
/* ERR_FORMAT: not 32 octets in base64. */
MUST enum err reverse_store_key_read(struct span text, uint8_t ret[REVERSE_STORE_KEY_LEN]);

/* Whether gateways share the store. */
bool reverse_store_is_shared(const struct reverse_conf *conf);
/* The URL of a shared one with its password, a secret. */
void reverse_store_url(const struct reverse_conf *conf, char *ret, size_t size);

/* Judges authorities, the certificates that are of them, and the store. */
void reverse_acme_check(const struct reverse_conf *conf, struct config_at *at);

#endif
