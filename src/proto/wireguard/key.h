/* Keys as people and programs write them: base64 (wg, configuration files) and hexadecimal (the
 * cross-platform interface). Knows nothing of what a key is for. */
#ifndef PROTO_WIREGUARD_KEY_H
#define PROTO_WIREGUARD_KEY_H

#include "base/err.h"
#include "base/span.h"

enum { WG_KEY_LEN = 32, WG_KEY_BASE64_LEN = 44, WG_KEY_HEX_LEN = 64 };

/* In time that does not depend on the key's bits. Exactly 44 characters, the last one '=', and the
 * two bits that no byte has are zero; exactly 64 digits of either case. ERR_FORMAT. */
MUST enum err wg_key_read_base64(struct span text, uint8_t ret[WG_KEY_LEN]);
MUST enum err wg_key_read_hex(struct span text, uint8_t ret[WG_KEY_LEN]);

/* With a NUL; digits in lower case. Wipe ret when the key is secret. */
void wg_key_write_base64(const uint8_t key[WG_KEY_LEN], char ret[WG_KEY_BASE64_LEN + 1]);
void wg_key_write_hex(const uint8_t key[WG_KEY_LEN], char ret[WG_KEY_HEX_LEN + 1]);

/* All zeros: no key. In constant time. */
MUST bool wg_key_is_zero(const uint8_t key[WG_KEY_LEN]);

#endif
