/* The nftables back end: the tables of the data plane as a ruleset for the kernel's own packet
 * filter, and what of a configuration that one cannot give. Makes text and puts nothing in force.
 *
 *	nft.c		the order of it all, translation, timers
 *	nft_sources.c	who may send from where: prefixes that lie within one another as ranges
 *	nft_rules.c	the firewall's rules and the forwards
 *	nft_taken.c	what a proxy takes, beside programs too
 *	nft_cannot.c	what it cannot give
 *
 * The text is one transaction: the table `gatehouse_nat` is made anew, so that nobody meets half of
 * one; conntrack's flows are not in it and go on. The timers lie in a table of their own, whose
 * objects stay, as flows that have begun hold on to them. */
#ifndef NAT_NFT_H
#define NAT_NFT_H

#include "base/err.h"
#include "base/writer.h"

struct nat_conf;
struct nat_net;
struct nat_tables;

#define NAT_NFT_TABLE  "gatehouse_nat"
#define NAT_NFT_TIMERS "gatehouse_nat_timers"
#define NAT_NFT_TAKEN  "gatehouse_taken" /* beside programs, which translate */

enum {
	NAT_NFT_TEXT_MAX = 8 << 20, /* room that fits all that tables can hold */
	NAT_NFT_PORTS_MAX = 16384,  /* ports of forwards that become others, one by one */
};

/* ERR_LIMIT: w is too small, or there are more than NAT_NFT_PORTS_MAX such ports; ERR_UNSUPPORTED:
 * a device's name is none for nftables (nat_nft_name_fits); ENOMEM. */
MUST enum err nat_nft_make(const struct nat_conf *conf, const struct nat_net *net,
			   const struct nat_tables *t, struct writer *w);

/* Takes all of it away, whether it is there or not. */
void nat_nft_unmake(struct writer *w);

/* The table by which what programs leave to the machine is led to a proxy; none where nothing is
 * taken. Errors as nat_nft_make. */
MUST enum err nat_nft_make_taken(const struct nat_conf *conf, const struct nat_net *net,
				 const struct nat_tables *t, struct writer *w);
void nat_nft_unmake_taken(struct writer *w);

/* Whether a device can be called by that name: letters, digits and . _ @ : + - only, as a star
 * would mean others too and a quote would end the word. */
bool nat_nft_name_fits(const char *name);

/* Calls for each setting of conf that this back end cannot give: the key, its line in the file (0:
 * not known), and what is instead. */
void nat_nft_cannot(const struct nat_conf *conf,
		    void (*tell)(void *arg, uint32_t line, const char *text), void *arg);

#endif
