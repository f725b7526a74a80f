#include "service/nat/io_nft.h"

#include "os/bpf.h"
#include "os/log.h"
#include "os/nft.h"
#include "service/nat/conf.h"
#include "service/nat/nft.h"
#include "service/nat/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which one -------------------------------------------------------------------------------- */

/* Only what keeps every program out counts: that ours does not pass is an error of ours. */
static const char *no_bpf(const char *folder, enum err *ret)
{
	*ret = ERR_UNSUPPORTED;
	if (!folder)
		return "there is no BPF file system to pin programs in";
	*ret = bpf_may_load();
	if (*ret == (enum err)EPERM || *ret == (enum err)EACCES)
		return "this process has no right to load programs";
	if (*ret)
		return "this kernel takes no programs";
	*ret = bpf_may_loop();
	return *ret ? "this kernel is too old for the programs" : NULL;
}

void nat_nft_choose(struct nat_nft *b, const struct nat_conf *conf, const char *folder,
		    bool *ret_nft)
{
	enum err e;
	*ret_nft = conf->attach == NAT_ATTACH_NFTABLES;
	if (*ret_nft)
		(void)snprintf(b->why, sizeof(b->why), "the configuration says so");
	if (conf->attach != NAT_ATTACH_AUTO)
		return;
	const char *why = no_bpf(folder, &e);
	if (!why)
		return;
	*ret_nft = true;
	(void)snprintf(b->why, sizeof(b->why), "%s", why);
	log_warning("nftables translates, as programs cannot be loaded; it gives less: see "
		    "gatehouse-nat(1)",
		    LOG_TEXT("why", why), LOG_ERR(e));
}

/* --- its life --------------------------------------------------------------------------------- */

enum err nat_nft_open(struct nat_nft *b)
{
	b->room = malloc(NAT_NFT_TEXT_MAX);
	enum err e = b->room ? nft_new(&b->nft) : (enum err)ENOMEM;
	if (e)
		log_error("there is neither BPF nor nftables to translate with", LOG_ERR(e));
	return e;
}

void nat_nft_done(struct nat_nft *b)
{
	nft_free(b->nft);
	free(b->room);
	free(b->text);
	*b = (struct nat_nft){0};
}

static enum err run(struct nat_nft *b, const char *text)
{
	enum err e = nft_run(b->nft, text);
	if (e)
		log_error("the kernel does not take the ruleset",
			  LOG_TEXT("says", nft_trouble(b->nft)), LOG_ERR(e));
	return e;
}

enum err nat_nft_apply(struct nat_nft *b, const struct nat_conf *conf, const struct nat_net *net,
		       const struct nat_tables *t)
{
	if (b->off)
		return OK;
	struct writer w = writer_of(b->room, NAT_NFT_TEXT_MAX - 1);
	enum err e = nat_nft_make(conf, net, t, &w);
	if (e == ERR_UNSUPPORTED)
		log_error("nftables cannot say the name of a device in the configuration; it takes "
			  "letters, digits and . _ @ : + -");
	else if (e == ERR_LIMIT)
		log_error("the ruleset is too large; ranges of forwards that lead to other ports "
			  "have a rule for each",
			  LOG_U64("ports_max", NAT_NFT_PORTS_MAX));
	if (e)
		return e;
	b->room[w.pos] = 0;
	if (b->text && strcmp(b->text, b->room) == 0)
		return OK;
	TRY(run(b, b->room));
	free(b->text);
	b->text = strdup(b->room); /* NULL: the next one is put in force whatever it says */
	return OK;
}

enum err nat_nft_end(struct nat_nft *b)
{
	char text[512];
	struct writer w = writer_of(text, sizeof(text) - 1);
	b->off = true;
	nat_nft_unmake(&w);
	text[w.pos] = 0;
	free(b->text);
	b->text = NULL;
	return run(b, text);
}

/* --- what was left ---------------------------------------------------------------------------- */

static void remove_table(struct nft *nft, const char *text)
{
	enum err e = nft_run(nft, text);
	if (!e)
		log_notice("a table of nftables was taken away: programs translate now",
			   LOG_TEXT("by", text));
	else if (!strstr(nft_trouble(nft), "No such file"))
		log_warning("whether a table of nftables is left is not known",
			    LOG_TEXT("says", nft_trouble(nft)));
}

void nat_nft_remove_left(bool taking)
{
	AUTO(nft_free) struct nft *nft = NULL;
	enum err e = nft_new(&nft);
	if (e == ERR_UNSUPPORTED)
		return; /* then there cannot be one */
	if (e) {
		log_warning("whether a table of nftables is left is not known", LOG_ERR(e));
		return;
	}
	remove_table(nft, "delete table inet " NAT_NFT_TABLE);
	remove_table(nft, "delete table inet " NAT_NFT_TIMERS);
	if (!taking)
		remove_table(nft, "delete table inet " NAT_NFT_TAKEN);
}

/* --- what it cannot give ---------------------------------------------------------------------- */

static void warn(void *arg, uint32_t line, const char *text)
{
	(void)arg;
	log_warning("nftables cannot give what a setting asks for", LOG_TEXT("setting", text),
		    LOG_U64("line", line));
}

void nat_nft_warn(const struct nat_conf *conf)
{
	nat_nft_cannot(conf, warn, NULL);
}
