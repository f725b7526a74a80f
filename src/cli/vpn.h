/* What the verbs of `gatehouse vpn` share. Knows no verb. */
#ifndef CLI_VPN_H
#define CLI_VPN_H

#include <jansson.h>
#include <stdbool.h>

struct command_line;

/* As remote_ask, about the peer of that name. */
json_t *vpn_ask(const struct command_line *line, const char *method, const char *target,
		const char *name, int *ret_code);
/* Prints, and lets go of it. Returns EXIT_OK. */
int vpn_json_print(json_t *answer);

#endif
