/* What the verbs of `gatehouse vpn` share. Knows no verb. */
#ifndef CLI_VPN_H
#define CLI_VPN_H

#include <jansson.h>
#include <stdbool.h>

struct command_line;

/* Letters that need no escape in a target, and not too many. */
bool vpn_word_is_plain(const char *text);
/* As remote_ask, about the peer of that name. */
json_t *vpn_ask(const struct command_line *line, const char *method, const char *target,
		const char *name, int *ret_code);
/* Prints, and lets go of it. Returns EXIT_OK. */
int vpn_json_print(json_t *answer);

#endif
