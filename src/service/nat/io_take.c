#include "service/nat/io_take.h"

#include "os/log.h"
#include "os/nft.h"
#include "service/nat/nft.h"

#include <stdlib.h>
#include <string.h>

enum err nat_taker_open(struct nat_taker *t)
{
	t->room = malloc(NAT_NFT_TEXT_MAX);
	enum err e = t->room ? nft_new(&t->nft) : (enum err)ENOMEM;
	if (e)
		log_error("`intercept` needs nftables, which is not to be had", LOG_ERR(e));
	return e;
}

void nat_taker_done(struct nat_taker *t)
{
	nft_free(t->nft);
	free(t->room);
	free(t->text);
	*t = (struct nat_taker){0};
}

static enum err run(struct nat_taker *t, const char *text)
{
	enum err e = nft_run(t->nft, text);
	if (e)
		log_error("the kernel does not take the ruleset of `intercept`",
			  LOG_TEXT("says", nft_trouble(t->nft)), LOG_ERR(e));
	return e;
}

enum err nat_taker_apply(struct nat_taker *t, const struct nat_conf *conf,
			 const struct nat_net *net, const struct nat_tables *tables)
{
	struct writer w = writer_of(t->room, NAT_NFT_TEXT_MAX - 1);
	enum err e = nat_nft_make_taken(conf, net, tables, &w);
	if (e) {
		log_error(e == ERR_UNSUPPORTED
				  ? "nftables cannot say the name of a device in the "
				    "configuration, as `intercept` must; it takes letters, digits "
				    "and . _ @ : + -"
				  : "the ruleset of `intercept` cannot be made",
			  LOG_ERR(e));
		return e;
	}
	t->room[w.pos] = 0;
	if (t->text && strcmp(t->text, t->room) == 0)
		return OK;
	TRY(run(t, t->room));
	free(t->text);
	t->text = strdup(t->room); /* NULL: the next one is put in force whatever it says */
	return OK;
}

enum err nat_taker_end(struct nat_taker *t)
{
	char text[128];
	struct writer w = writer_of(text, sizeof(text) - 1);
	nat_nft_unmake_taken(&w);
	text[w.pos] = 0;
	free(TAKE(t->text));
	return run(t, text);
}
