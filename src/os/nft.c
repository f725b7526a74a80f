#include "os/nft.h"

#include "os/fd.h"

#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TROUBLE_MAX = 256 };

struct nft {
	struct nft_ctx *library;
	char trouble[TROUBLE_MAX];
};

/* The library ends the process where there is no netfilter. */
static enum err may_speak(void)
{
	AUTO_DONE(fd_done) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? ERR_UNSUPPORTED
									 : err_errno();
	return OK;
}

enum err nft_new(struct nft **ret)
{
	TRY(may_speak());
	struct nft *nft = calloc(1, sizeof(*nft));
	if (!nft)
		return ENOMEM;
	nft->library = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft->library || nft_ctx_buffer_error(nft->library) ||
	    nft_ctx_buffer_output(nft->library)) {
		nft_free(nft);
		return ENOMEM;
	}
	*ret = nft;
	return OK;
}

void nft_free(struct nft *nft)
{
	if (nft && nft->library)
		nft_ctx_free(nft->library);
	free(nft);
}

enum err nft_run(struct nft *nft, const char *text)
{
	nft->trouble[0] = 0;
	int failed = nft_run_cmd_from_buffer(nft->library, text);
	const char *says = nft_ctx_get_error_buffer(nft->library);
	(void)nft_ctx_get_output_buffer(nft->library); /* empties it */
	if (!failed)
		return OK;
	size_t len = says ? strcspn(says, "\n") : 0;
	len = len < TROUBLE_MAX ? len : TROUBLE_MAX - 1;
	for (size_t i = 0; i < len; i++)
		nft->trouble[i] = says[i];
	nft->trouble[len] = 0;
	return ERR_REFUSED;
}

const char *nft_trouble(const struct nft *nft)
{
	return nft->trouble;
}
