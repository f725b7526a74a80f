#include "cli/lab_ear.h"

#include "os/netlink.h"

#include <stdio.h>

enum err lab_ear_run(struct lab_ear *l, uint16_t port_first, uint16_t port_last)
{
	const struct command_line *line = l->ear.line;
	for (int i = 0; i < LAB_SIDES; i++)
		TRY(link_index(line->arguments[i], &l->ifindexes[i]));
	TRY(packet_open(&l->ear.fd));
	TRY(packet_watch_udp4(l->ear.fd, 0, port_first, port_last));
	if (!line->json)
		(void)fprintf(stderr, "Watching %s and %s; Ctrl-C ends it.\n", line->arguments[0],
			      line->arguments[1]);
	return ear_run(&l->ear);
}

enum lab_side lab_ear_side(const struct lab_ear *l, const struct packet_received *r)
{
	enum lab_side side = LAB_INSIDE;
	while (side < LAB_SIDES && l->ifindexes[side] != r->from.ifindex)
		side++;
	return side;
}

int lab_ear_end(struct lab_ear *l, enum err e, const char *where)
{
	const struct command_line *line = l->ear.line;
	bool missed = ear_done(&l->ear);
	if (e)
		return command_fail(e == (enum err)EPERM    ? "Run it as root."
				    : e == (enum err)ENODEV ? where
							    : NULL,
				    "%s and %s: %s", line->arguments[0], line->arguments[1],
				    err_text(e));
	return missed ? EXIT_FAILED : EXIT_OK;
}

struct ip_endpoint lab_end(uint32_t a, uint16_t port)
{
	return (struct ip_endpoint){.address = ip_address_v4((uint8_t)(a >> 24), (uint8_t)(a >> 16),
							     (uint8_t)(a >> 8), (uint8_t)a),
				    .port = port};
}

json_t *lab_datagram_json(const struct lab_datagram *d)
{
	char hex[LAB_DATAGRAM_MAX * 2 + 1];
	for (size_t i = 0; i < d->len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", d->bytes[i]);
	return json_stringn(hex, d->len * 2);
}
