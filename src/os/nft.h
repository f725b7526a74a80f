/* The kernel's packet filter, told in the language of nft(8) and as one transaction, in the network
 * namespace of the calling thread. Knows no ruleset.
 *
 * Changing takes CAP_NET_ADMIN. */
#ifndef OS_NFT_H
#define OS_NFT_H

#include "base/err.h"

struct nft;

/* Before the sandbox, as the library looks for files of names then. ERR_UNSUPPORTED: this kernel
 * has no netfilter. */
MUST enum err nft_new(struct nft **ret);
void nft_free(struct nft *nft);
DEFINE_AUTO(struct nft, nft_free)

/* All of text is in force, or nothing of it: ERR_REFUSED, and nft_trouble says why. */
MUST enum err nft_run(struct nft *nft, const char *text);
/* The first line of what was complained of last; "" when nothing. */
const char *nft_trouble(const struct nft *nft);

#endif
