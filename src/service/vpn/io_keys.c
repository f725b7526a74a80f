#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/file.h"
#include "os/log.h"
#include "proto/wireguard/key.h"
#include "service/vpn/io_vpn.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_FILE_MAX = 128 };

static enum err key_read(const char *path, uint8_t ret[VPN_KEY_LEN])
{
	char *text = NULL;
	size_t len = 0;
	TRY(file_read(path, KEY_FILE_MAX, &text, &len));
	size_t end = len;
	while (end && (text[end - 1] == '\n' || text[end - 1] == '\r'))
		end--;
	enum err e = wg_key_read_base64(span_of(text, end), ret);
	crypto_wipe(text, len);
	free(text);
	return e;
}

static enum err key_make(const char *path, uint8_t ret[VPN_KEY_LEN])
{
	char text[WG_KEY_BASE64_LEN + 1];
	uint8_t key[VPN_KEY_LEN];
	TRY(crypto_random(key, sizeof(key)));
	wg_key_write_base64(key, text);
	enum err e = file_write_atomic(path, span_of(text, WG_KEY_BASE64_LEN), 0600);
	if (!e)
		memcpy(ret, key, sizeof(key));
	crypto_wipe(text, sizeof(text));
	crypto_wipe(key, sizeof(key));
	return e;
}

/* The key of the state directory under that name. */
static enum err key_of_state(const struct vpn *v, const char *name, uint8_t ret[VPN_KEY_LEN])
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s.key", service_life_state(&v->life), name);
	enum err e = key_read(path, ret);
	if (e == (enum err)ENOENT) {
		e = key_make(path, ret);
		if (!e)
			log_notice("a key was made", LOG_TEXT("file", path));
	}
	if (e)
		log_error(e == ERR_FORMAT ? "the file holds no key" : "the key cannot be had",
			  LOG_TEXT("file", path), LOG_ERR(e));
	return e;
}

enum err vpn_private_key(const struct vpn *v, const struct vpn_interface_conf *f,
			 uint8_t ret[VPN_KEY_LEN])
{
	char name[sizeof("device-") + VPN_INTERFACE_NAME_MAX];
	if (f->private_key.len)
		return vpn_conf_key(f->private_key, ret);
	(void)snprintf(name, sizeof(name), "device-%s", f->name);
	return key_of_state(v, name, ret);
}

enum err vpn_store_key(const struct vpn *v, const struct vpn_conf *conf, uint8_t ret[VPN_KEY_LEN])
{
	return conf->store_key.len ? vpn_conf_key(conf->store_key, ret)
				   : key_of_state(v, "store", ret);
}
