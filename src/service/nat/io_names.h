/* Asks the DNS for the names of a configuration, a few at a time, each from a port of its own, and
 * again as their answers age. Knows nothing of what the addresses are for. */
#ifndef NAT_IO_NAMES_H
#define NAT_IO_NAMES_H

#include "config/schema.h"
#include "os/loop.h"
#include "service/nat/names.h"

enum {
	NAT_ASKS_MAX = 8,  /* at once */
	NAT_ASK_TRIES = 2, /* of each server */
	NAT_ASK_WAIT_MS = 2000,
	NAT_ASK_SERVERS_MAX = 4,
};

struct nat_asker;

struct nat_ask {
	struct nat_asker *asker;
	struct dns_name name;
	enum nat_name_family family;
	int fd; /* -1: not in use */
	uint16_t id;
	unsigned tries;
	struct loop_watch watch;
	struct loop_timer timer;
};

struct nat_asker {
	struct loop *loop;	 /* borrowed */
	struct nat_names *names; /* borrowed */
	struct ip_endpoint servers[NAT_ASK_SERVERS_MAX];
	size_t servers_n;
	struct nat_ask asks[NAT_ASKS_MAX];
	struct loop_timer next;
	void (*changed)(void *arg); /* an answer was news */
	void *arg;
	uint64_t asked, answered, silent; /* counts */
};

/* Storage must not move. Begins to ask at nat_asker_turn. */
void nat_asker_init(struct nat_asker *a, struct loop *loop, struct nat_names *names,
		    void (*changed)(void *arg), void *arg);
/* servers: struct ip_endpoint. Asks what is due. */
void nat_asker_turn(struct nat_asker *a, const struct config_list *servers);
void nat_asker_done(struct nat_asker *a);

#endif
