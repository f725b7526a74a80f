/* What the files names*.c share: a lease on its way into the DNS. Knows nothing beyond names.h. */
#ifndef NAMES_INNER_H
#define NAMES_INNER_H

#include "names/names.h"
#include "proto/dns/update.h"

/* Each is one message. RFC 4703 5.3 to 5.5. */
enum names_step {
	NAMES_IDLE,
	NAMES_ADD,	    /* 5.3.1: the name is not in use */
	NAMES_REPLACE,	    /* 5.3.2: it is ours by its DHCID */
	NAMES_ADD_PTR,	    /* 5.4 */
	NAMES_REMOVE,	    /* 5.5: our address record, when the DHCID is ours */
	NAMES_REMOVE_DHCID, /* 5.5: and when no address record is left */
	NAMES_REMOVE_PTR,
};

/* A name with the client that holds it. */
struct names_holder {
	struct names_label label; /* empty: none */
	uint8_t dhcid[DNS_DHCID_LEN];
	uint32_t ttl_s;
	uint8_t parts; /* NAMES_FORWARD, NAMES_REVERSE: what is wanted of it, or there */
};

struct names_entry {
	struct ip_address address;
	struct names_holder want, have; /* have: what is, or may be, in the DNS */
	struct names_label made;	/* from the address: when another holds want */
	uint8_t made_dhcid[DNS_DHCID_LEN];
	enum names_step step;
	uint8_t done; /* NAMES_*: what came to be */
	unsigned tries, rounds;
	uint64_t due_ms; /* of the next message; UINT64_MAX while one is out */
	bool tcp, is_made;
	struct names_flight *flight;
	struct names_entry *next, *previous; /* in the queue, by no order */
};

/* A message without an answer. */
struct names_flight {
	struct names_entry *entry; /* NULL: free */
	const struct names_zone *zone;
	uint16_t id;
	uint16_t unproved; /* rcode of an answer that nobody signed; NAMES_NO_ANSWER: none came */
	uint8_t mac_len, mac[CRYPTO_HASH_LEN_MAX];
	uint64_t until_ms;
};

/* The complete name of the host. */
void names_full(const struct names_conf *conf, const struct names_label *label,
		struct dns_name *ret);
/* The name that the lease shall have; made: the one made from its address. */
struct names_holder names_holder_of(const struct names_conf *conf, const struct names_lease *l,
				    bool made);
/* Of the lease's client under that name. */
void names_dhcid_of(const struct names_conf *conf, const struct names_lease *l,
		    const struct names_label *label, uint8_t ret[DNS_DHCID_LEN]);
/* Where the step's message goes; NULL: the configuration has no such zone. */
const struct names_zone *names_zone_of(const struct names_conf *conf, const struct names_entry *e);
/* The step's message; empty when it does not fit, which a zone's and a host's name always do. */
struct span names_message(const struct names_conf *conf, const struct names_entry *e, uint16_t id,
			  uint8_t *buf, size_t cap);

#endif
