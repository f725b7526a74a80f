/* The `authority` section of the configuration as a struct, and its schema. Knows nothing of how it
 * is used. */
#ifndef AUTHORITY_CONF_H
#define AUTHORITY_CONF_H

#include "config/schema.h"
#include "proto/dns/name.h"

struct answer_config;
struct keyring;
struct update_policy;

enum authority_checks { AUTHORITY_CHECKS_STRICT, AUTHORITY_CHECKS_LENIENT };
enum authority_answers { AUTHORITY_ANSWERS_FULL, AUTHORITY_ANSWERS_MINIMAL };

struct authority_key_conf {
	struct dns_name name;
	int algorithm;	    /* its place in the choices of `algorithm` */
	struct span secret; /* base64 */
};

enum authority_update_names { AUTHORITY_UPDATE_ZONE, AUTHORITY_UPDATE_SELF };

struct authority_update_conf {
	struct dns_name key;
	enum authority_update_names names;
	struct config_list below, exactly; /* struct dns_name */
	struct config_list types;	   /* const char * */
};

struct authority_zone_conf {
	struct dns_name origin;
	const char *file;
	struct config_list transfer; /* struct ip_prefix */
	bool transfer_own;	     /* written here, so it stands for this zone */
	enum authority_checks checks;
	bool checks_own;
	struct config_list transfer_keys; /* struct dns_name */
	bool transfer_keys_own;
	struct config_list update; /* struct authority_update_conf */
};

struct authority_tcp_conf {
	uint32_t clients;
	uint64_t idle_ms;
};

struct authority_conf {
	struct config_list listen; /* struct ip_endpoint */
	uint32_t workers;	   /* 0: one for each processor */
	struct config_list zones;  /* struct authority_zone_conf */
	enum authority_checks checks;
	struct config_list transfer;	  /* struct ip_prefix */
	struct config_list transfer_keys; /* struct dns_name */
	struct config_list keys;	  /* struct authority_key_conf */
	bool round_robin;
	enum authority_answers answers;
	uint32_t edns_size;
	struct authority_tcp_conf tcp;
	const char *identity; /* NULL: none */
	bool version;
	bool cookies;
	struct span cookie_secret; /* empty: made at start */
};

extern const struct config_map authority_conf_map;

/* What answers are made by. secret: 16 octets, taken when the configuration has none. conf may go
 * afterwards. */
void authority_conf_answers(const struct authority_conf *conf, const uint8_t secret[16],
			    struct answer_config *ret);

/* The keys; one reference. NULL when none is configured. */
MUST enum err authority_conf_keys(const struct authority_conf *conf, struct keyring **ret);

/* Who may change the zone; storage of its own. */
MUST enum err authority_conf_policy(const struct authority_zone_conf *zone,
				    struct update_policy *ret);

#endif
