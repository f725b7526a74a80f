#include "service/dhcp-client/io_resolv.h"

#include "os/file.h"
#include "service/dhcp-client/io_uplink6.h"
#include "service/dhcp-client/resolv.h"

#include <stdio.h>

enum { READABLE_BY_ALL = 0644 };

static void add_uplink(struct resolv *r, const struct client_uplink *c)
{
	if (!c->begun || !c->conf->resolver)
		return;
	if (c->u.has_lease)
		resolv_add_lease(r, &c->u.lease);
	if (c->v6 && c->v6->begun)
		resolv_add_options6(r, span_of(c->v6->u.options, c->v6->u.options_len));
}

void resolv_gather(struct client_uplink *const *uplinks, size_t n, struct resolv *ret)
{
	const struct client_uplink *order[CLIENT_UPLINKS_MAX];
	for (size_t i = 0; i < n; i++) {
		size_t at = i;
		for (; at > 0 && order[at - 1]->conf->metric > uplinks[i]->conf->metric; at--)
			order[at] = order[at - 1];
		order[at] = uplinks[i];
	}
	for (size_t i = 0; i < n; i++)
		add_uplink(ret, order[i]);
}

enum err resolv_write(const char *folder, struct client_uplink *const *uplinks, size_t n)
{
	struct resolv r = {0};
	char path[4096];
	uint8_t text[RESOLV_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	resolv_gather(uplinks, n, &r);
	resolv_text(&r, &w);
	TRY(writer_check(&w));
	int len = snprintf(path, sizeof(path), "%s/resolv.conf", folder);
	if (len < 0 || (size_t)len >= sizeof(path))
		return ERR_LIMIT;
	return file_write_atomic(path, writer_span(&w), READABLE_BY_ALL);
}
