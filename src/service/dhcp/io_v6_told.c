/* Prefixes that hosts were told of, across restarts (RFC 9096 3.5): a file in the state directory,
 * which is written when a prefix comes or goes. */
#include "base/siphash.h"
#include "base/writer.h"
#include "os/file.h"
#include "os/log.h"
#include "service/dhcp/io_dhcp.h"

#include <stdio.h>
#include <stdlib.h>

static void path_write(const struct dhcp_service *d, char *ret, size_t size)
{
	const char *folder = service_life_state(&d->life);
	ASSERT(folder);
	(void)snprintf(ret, size, "%s/advertised", folder);
}

void dhcp_v6_told_recall(struct dhcp_service *d)
{
	char path[4096], *text = NULL;
	size_t len = 0;
	path_write(d, path, sizeof(path));
	enum err e = file_read(path, RA_RECORD_MAX, &text, &len);
	if (!e)
		e = ra_recall(d->v6.ra, dhcp_now_ms(d), span_of(text, len));
	if (e && e != (enum err)ENOENT)
		log_warning("what hosts were told of prefixes is not known any more",
			    LOG_TEXT("path", path), LOG_ERR(e));
	free(text);
}

void dhcp_v6_told_keep(struct dhcp_service *d)
{
	char path[4096];
	uint8_t *record = d->v6.ra ? malloc(RA_RECORD_MAX) : NULL;
	if (!record)
		return;
	struct writer w = writer_of(record, RA_RECORD_MAX);
	ra_remember(d->v6.ra, dhcp_now_ms(d), &w);
	uint64_t hash = siphash13_of(d->key, record, w.pos);
	path_write(d, path, sizeof(path));
	enum err e = hash == d->v6.told ? OK : file_write_atomic(path, writer_span(&w), 0600);
	if (e)
		log_warning("what hosts are told of prefixes cannot be kept",
			    LOG_TEXT("path", path), LOG_ERR(e));
	else
		d->v6.told = hash;
	free(record);
}
