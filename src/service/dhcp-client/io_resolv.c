#include "service/dhcp-client/io_resolv.h"

#include "os/file.h"
#include "service/dhcp-client/resolv.h"

#include <stdio.h>

enum { READABLE_BY_ALL = 0644 };

enum err resolv_write(const char *folder, struct client_uplink *const *uplinks, size_t n)
{
	const struct lease *leases[CLIENT_UPLINKS_MAX];
	uint32_t metrics[CLIENT_UPLINKS_MAX];
	size_t leases_n = 0;
	char path[4096];
	uint8_t text[RESOLV_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		const struct client_uplink *c = uplinks[i];
		if (!c->begun || !c->u.has_lease || !c->conf->resolver)
			continue;
		size_t at = leases_n++;
		for (; at > 0 && metrics[at - 1] > c->conf->metric; at--) {
			leases[at] = leases[at - 1];
			metrics[at] = metrics[at - 1];
		}
		leases[at] = &c->u.lease;
		metrics[at] = c->conf->metric;
	}
	resolv_text(leases, leases_n, &w);
	TRY(writer_check(&w));
	int len = snprintf(path, sizeof(path), "%s/resolv.conf", folder);
	if (len < 0 || (size_t)len >= sizeof(path))
		return ERR_LIMIT;
	return file_write_atomic(path, writer_span(&w), READABLE_BY_ALL);
}
