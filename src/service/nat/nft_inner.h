/* What the files that make the ruleset share. Knows nothing more than nft.h. */
#ifndef NAT_NFT_INNER_H
#define NAT_NFT_INNER_H

#include "service/nat/conf.h"
#include "service/nat/net.h"
#include "service/nat/nft.h"
#include "service/nat/tables.h"

enum { NFT_SPANS_MAX = 2 * NAT_SOURCES_MAX };
#define NFT_ALL_ZONES UINT32_MAX

/* Addresses that lie side by side and belong to one zone. */
struct nft_span {
	struct ip_address first, last;
	uint8_t zone, flags; /* as struct nat_source */
};

struct nft_spans {
	struct nft_span items[NFT_SPANS_MAX];
	size_t n;
};

struct nft_make {
	const struct nat_conf *conf;
	const struct nat_net *net;
	const struct nat_tables *t;
	struct writer *w;
	struct nft_spans four, six;
	uint32_t ports; /* that became others so far */
	enum err err;	/* the first that writing cannot tell */
};

/* The zones of all addresses of a family, by the longest prefix, in ascending order; who is in none
 * is not there. */
void nft_spans_make(const struct nat_tables *t, unsigned family, struct nft_spans *ret);
/* The chain that judges sources. */
void nft_put_sources(struct nft_make *m);

/* `WORD { "lan0", "lan1" } `, WORD being iifname or oifname: the devices of the zones (bits of 1 <<
 * zone); nothing for NFT_ALL_ZONES that is not needed. False, and nothing is written: there are
 * none. */
bool nft_put_devices(struct nft_make *m, const char *word, uint32_t zones);
/* Whether the zones have a device in the configuration. */
bool nft_has_devices(const struct nft_make *m, uint32_t zones);
/* `{ 198.51.100.1, … } ` all public addresses; false, and nothing is written: there are none. */
bool nft_put_publics(struct nft_make *m);
void nft_put_address(struct nft_make *m, const struct ip_address *a);

/* Limits of rules; then chains. */
void nft_put_limits(struct nft_make *m);
void nft_put_refused(struct nft_make *m);
void nft_put_input(struct nft_make *m);
void nft_put_forwarding(struct nft_make *m);
/* What leaves those zones for where nobody is translated is accepted. */
void nft_put_plain(struct nft_make *m, uint32_t zones);
/* Forwards: those without a host, those with one, and who may use them. */
void nft_put_unled(struct nft_make *m);
void nft_put_led(struct nft_make *m);
void nft_put_forwarded(struct nft_make *m);

/* What a rule asks for beside the zones. */
void nft_put_match(struct nft_make *m, const struct nat_rule *r);

/* What a proxy takes, and what would pass by it, as chains; judged: programs do all but to lead,
 * the firewall's rules have been asked. Nothing where nothing is taken. */
void nft_put_taken(struct nft_make *m, bool judged);
/* Of the chain `input`: it is let in. */
void nft_put_took(struct nft_make *m);
/* `ip daddr { … } ` or `ip6 …`: all that is inside or the machine's own. False: there is none. */
bool nft_put_here(struct nft_make *m, unsigned family);

/* `ip daddr …` of networks whose addresses the world knows, for a chain; word: saddr or daddr, with
 * != when `other`. False: there are none. */
bool nft_put_routed(struct nft_make *m, const char *word, bool other, bool publics);

#endif
