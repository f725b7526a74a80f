/* A made-up internet for the simulator: zones, the servers that hold them, how those misbehave, and
 * what the right answer to a question is. Knows no resolver and no time. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "proto/dns/name.h"
#include "proto/dns/type.h"
#include "proto/ip/address.h"
#include "test/random.h"

#define WORLD_ZONES_MAX	  64
#define WORLD_SERVERS_MAX 96
#define WORLD_RECORDS_MAX 2048
#define WORLD_NAMES_MAX	  512

enum server_manner {
	SERVER_GOOD,
	SERVER_DEAD,	    /* says nothing */
	SERVER_UNREACHABLE, /* the network says that nobody is there */
	SERVER_REFUSES,	    /* REFUSED to everything */
	SERVER_FAILS,	    /* SERVFAIL to everything */
	SERVER_LAME,	    /* refers to the root */
	SERVER_NO_EDNS,	    /* FORMERR without OPT to what has an OPT */
	SERVER_TRUNCATES,   /* TC to everything over UDP */
	SERVER_GARBAGE,	    /* torn messages */
	SERVER_EVIL,	    /* tells more than it may */
	SERVER_COOKIES,	    /* good, and shows a cookie in each answer */
	SERVER_NO_DENIAL, /* NXDOMAIN for names that only hold others (RFC 8020's trouble makers) */
	SERVER_MANNERS,
};

struct world_server {
	struct ip_endpoint at;
	enum server_manner manner;
	uint32_t rtt_us;
	uint64_t zones; /* bits: which it holds */
	unsigned asked;
};

struct world_zone {
	struct dns_name name;
	int parent;  /* -1: the root */
	bool broken; /* none of its servers works: SERVFAIL is the right answer below it */
	bool victim; /* counts questions: for NXNS */
};

struct world_record {
	int zone;
	struct dns_name owner;
	uint16_t type;
	uint32_t ttl;
	uint8_t len;
	uint8_t rdata[255];
};

struct world {
	struct test_random random;
	struct world_zone zones[WORLD_ZONES_MAX];
	int zones_n;
	struct world_server servers[WORLD_SERVERS_MAX];
	int servers_n;
	struct world_record records[WORLD_RECORDS_MAX];
	int records_n;
	/* What clients ask for. */
	struct dns_name names[WORLD_NAMES_MAX];
	int names_n;
	bool all_good; /* every server is: no SERVFAIL is right, but for broken zones */
};

/* Makes one from the seed in w->random. trouble: 0 all servers good; 100: most are not. */
void world_make(struct world *w, unsigned trouble);

/* The right answer. chain: aliases on the way, with ret_final the name at their end. */
struct world_truth {
	unsigned rcode; /* NOERROR or NXDOMAIN */
	struct dns_name final;
	bool loops; /* aliases without an end: SERVFAIL is right */
	bool through_broken;
	bool made; /* a CNAME that a DNAME makes was asked for: alias */
	struct dns_name alias;
	const struct world_record *records[32]; /* of the type asked, at final */
	int records_n;
};
void world_truth(const struct world *w, const struct dns_name *name, uint16_t type,
		 struct world_truth *ret);

int world_server_at(const struct world *w, const struct ip_endpoint *at);

/* What the server says to a query; 0: nothing. */
size_t world_answer(struct world *w, int server, struct span query, bool tcp, uint8_t *out,
		    size_t cap);

/* An address that no honest server ever gives. */
bool world_is_poison(struct span rdata);
extern const uint8_t world_poison[4];

#endif
