/* Who this server is for clients of DHCPv6 (RFC 8415 11), and the secret that its keys are made
 * from: both made at the first start and the same ever after. */
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "os/log.h"
#include "service/dhcp/io_dhcp.h"

#include <stdio.h>
#include <stdlib.h>

enum { DUID_UUID = 4 }; /* RFC 6355: not bound to a card that may be replaced */

/* Octets of exactly that many; ENOENT: not made yet. */
static enum err octets_read(const char *path, uint8_t *ret, size_t len)
{
	char *text = NULL;
	size_t text_len = 0;
	TRY(file_read(path, len + 1, &text, &text_len));
	enum err e = text_len == len ? OK : ERR_FORMAT;
	if (!e)
		memcpy(ret, text, len); /* as many as were asked for */
	crypto_wipe(text, text_len);
	free(text);
	return e;
}

static enum err keep(const char *folder, const char *name, uint8_t *octets, size_t len,
		     const uint8_t *head, size_t head_len)
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	enum err e = octets_read(path, octets, len);
	if (e == (enum err)ENOENT) {
		if (head_len)
			memcpy(octets, head, head_len);
		e = crypto_random(octets + head_len, len - head_len);
		if (!e)
			e = file_write_atomic(path, span_of(octets, len), 0600);
	}
	if (e)
		log_error("what this server is called cannot be kept", LOG_TEXT("path", path),
			  LOG_ERR(e));
	return e;
}

enum err dhcp_v6_identity(struct dhcp_service *d)
{
	static const uint8_t uuid[] = {0, DUID_UUID};
	const char *folder = service_life_state(&d->life);
	ASSERT(folder);
	TRY(keep(folder, "duid", d->v6.duid, sizeof(d->v6.duid), uuid, sizeof(uuid)));
	return keep(folder, "v6-secret", d->v6.secret, sizeof(d->v6.secret), NULL, 0);
}
