/* The file that a tunnel's client imports, made of what the service tells of an added peer. Knows
 * neither the service nor where the private key is from. */
#ifndef CLI_VPN_CLIENT_H
#define CLI_VPN_CLIENT_H

#include "base/err.h"
#include "base/writer.h"

#include <jansson.h>

enum { VPN_CLIENT_FILE_MAX = 32768 };

/* private_key: base64, or empty: a line says where it goes. The file holds secrets: wipe it.
 * ERR_FORMAT: the answer lacks something. */
MUST enum err vpn_client_write(const json_t *client, struct span private_key, struct writer *w);

#endif
