/* The nftables back end at work: which one there is and why, its ruleset in force, and what the
 * other one left taken away. Makes no ruleset (nft.h). */
#ifndef NAT_IO_NFT_H
#define NAT_IO_NFT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct nat;
struct nat_conf;
struct nat_net;
struct nat_tables;
struct nft;

struct nat_nft {
	struct nft *nft; /* NULL: the back end is BPF */
	char *room;	 /* for the next ruleset */
	char *text;	 /* the one in force; NULL: none of this process */
	bool off;	 /* by order: nothing is put in force any more */
	char why[128];	 /* this back end */
};

static inline bool nat_nft_is(const struct nat_nft *b)
{
	return b->nft != NULL;
}

/* Which back end conf asks for, or `auto` leaves: *ret_nft says whether it is this one, and b->why
 * why. folder: of BPF pins; NULL: there is none. */
void nat_nft_choose(struct nat_nft *b, const struct nat_conf *conf, const char *folder,
		    bool *ret_nft);
/* Before the sandbox. Errors are logged. */
MUST enum err nat_nft_open(struct nat_nft *b);
void nat_nft_done(struct nat_nft *b);

/* In force from here on, all of it at once; the same ruleset as before is left in place. Errors are
 * logged. ERR_LIMIT: it does not fit. */
MUST enum err nat_nft_apply(struct nat_nft *b, const struct nat_conf *conf,
			    const struct nat_net *net, const struct nat_tables *t);
/* By order: taken away, and nothing comes in its place. */
MUST enum err nat_nft_end(struct nat_nft *b);

/* The other back end is in force: what a process before this one left of this one goes. taking: not
 * what leads to proxies (io_take.h). Errors are logged. */
void nat_nft_remove_left(bool taking);
/* Warns of each setting of conf that this back end cannot give. */
void nat_nft_warn(const struct nat_conf *conf);

#endif
