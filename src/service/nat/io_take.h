/* What a proxy of this machine takes, where programs translate: the table of the kernel's packet
 * filter that leads it to the proxy's listener. Makes no ruleset (nft.h). */
#ifndef NAT_IO_TAKE_H
#define NAT_IO_TAKE_H

#include "base/err.h"

struct nat_conf;
struct nat_net;
struct nat_tables;
struct nft;

struct nat_taker {
	struct nft *nft; /* NULL: nothing was to be taken when the service began */
	char *room;	 /* for the next ruleset */
	char *text;	 /* the one in force; NULL: none of this process */
};

/* Before the sandbox, when something is to be taken. Errors are logged. */
MUST enum err nat_taker_open(struct nat_taker *t);
void nat_taker_done(struct nat_taker *t);

/* In force from here on; what is in force already is left in place. Errors are logged. */
MUST enum err nat_taker_apply(struct nat_taker *t, const struct nat_conf *conf,
			      const struct nat_net *net, const struct nat_tables *tables);
/* By order: taken away. */
MUST enum err nat_taker_end(struct nat_taker *t);

#endif
