/* gatehouse lab tunnel INSIDE OUTSIDE: datagrams inside a tunnel, each beside the datagram that
 * carries it outside. Run on the host at the end of the tunnel. */
#include "cli/commands.h"

#include "cli/lab_ear.h"
#include "cli/print.h"
#include "lab/tunnel.h"
#include "proto/wireguard/message.h"

#include <stdlib.h>

enum {
	MTU = 1420,
	SHOWN = 24, /* bytes of a payload */
	VALUE_SIZE = 128,
};

struct watch {
	const struct command_line *line;
	struct lab_ear lab; /* counts packets that are whole */
	struct lab_carried carried;
	struct lab_tunnel seen;
};

/* --- as a table --- */

static void row(struct print_table *t, const char *field, const char *inner, const char *outer)
{
	print_cell(t, PRINT_PLAIN, "%s", field);
	print_cell(t, PRINT_GREEN, "%s", inner);
	print_cell(t, PRINT_YELLOW, "%s", outer);
}

static void end_text(uint32_t address, uint16_t port, char ret[IP_ENDPOINT_TEXT_MAX])
{
	struct ip_endpoint end = lab_end(address, port);
	(void)ip_endpoint_format(&end, ret);
}

static struct span payload_of(const struct lab_datagram *d)
{
	return span_of(d->bytes + d->payload_at, d->len - d->payload_at);
}

/* What can be read in it: letters as they are. */
static void readable(struct span payload, char ret[VALUE_SIZE])
{
	size_t n = payload.len < VALUE_SIZE - 1 ? payload.len : VALUE_SIZE - 1;
	for (size_t i = 0; i < n; i++)
		ret[i] = payload.data[i] >= 0x20 && payload.data[i] < 0x7f ? (char)payload.data[i]
									   : '.';
	ret[n < 56 ? n : 56] = '\0';
}

static void bytes(struct span payload, char ret[VALUE_SIZE])
{
	size_t n = payload.len < SHOWN ? payload.len : SHOWN;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", payload.data[i]);
	(void)snprintf(ret + 2 * n, 5, "%s", payload.len > n ? "…" : "");
}

static void carried_print(const struct watch *w)
{
	const struct lab_datagram *in = &w->carried.inner, *out = &w->carried.outer;
	const struct wg_transport *m = (const void *)payload_of(out).data;
	char heads[2][64], a[VALUE_SIZE], b[VALUE_SIZE];
	struct print_table t;
	(void)snprintf(heads[0], sizeof(heads[0]), "INSIDE, ON %s", w->line->arguments[0]);
	(void)snprintf(heads[1], sizeof(heads[1]), "OUTSIDE, ON %s", w->line->arguments[1]);
	print_table_init(&t, stdout, w->line->colour, 3,
			 (const char *const[]){"PACKET", heads[0], heads[1]});
	end_text(in->source, in->source_port, a);
	end_text(out->source, out->source_port, b);
	row(&t, "source", a, b);
	end_text(in->destination, in->destination_port, a);
	end_text(out->destination, out->destination_port, b);
	row(&t, "destination", a, b);
	(void)snprintf(a, sizeof(a), "%zu", in->len);
	(void)snprintf(b, sizeof(b), "%zu", out->len);
	row(&t, "octets", a, b);
	(void)snprintf(b, sizeof(b), "to session %08x, packet %llu of it", wg_get_u32(m->receiver),
		       (unsigned long long)wg_get_u64(m->counter));
	row(&t, "WireGuard", "-", b);
	readable(payload_of(in), a);
	bytes(span_sub(payload_of(out), sizeof(*m), payload_of(out).len), b);
	row(&t, "what can be read", a, b);
	print_table_end(&t);
	(void)printf("\n");
}

/* --- as JSON: the packets themselves, from the IP header on --- */

static void carried_json(const struct watch *w)
{
	json_t *object = json_pack("{s:o,s:o}", "inside", lab_datagram_json(&w->carried.inner),
				   "outside", lab_datagram_json(&w->carried.outer));
	(void)json_dumpf(object, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
	json_decref(object);
}

/* --- the socket --- */

static bool packet_show(void *arg, const struct packet_received *r)
{
	struct watch *w = arg;
	struct lab_ear *l = &w->lab;
	enum lab_side side = lab_ear_side(l, r);
	if (side == LAB_SIDES ||
	    lab_datagram_read(span_of(l->ear.packet, r->len), !r->checksum_pending, &l->datagram) ||
	    !lab_tunnel_see(&w->seen, side, &l->datagram, MTU, &w->carried))
		return false;
	if (w->line->json)
		carried_json(w);
	else
		carried_print(w);
	(void)fflush(stdout);
	return true;
}

static int watch_run(const struct command_line *line)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return command_fail(NULL, "%s", err_text(ENOMEM));
	w->line = line;
	if (!ear_init(&w->lab.ear, line, packet_show, w)) {
		free(w);
		return command_misused(NULL, "--count and --seconds take whole numbers");
	}
	int status = lab_ear_end(&w->lab, lab_ear_run(&w->lab, 1, UINT16_MAX),
				 "It is for an end of the tunnel: 'gatehouse lab run roamer "
				 "gatehouse lab tunnel wg0 eth0'.");
	free(w);
	return status;
}

static const struct command_option watch_options[] = {
	{"count", 'n', "N", "end after that many packets; exit with 1 when they did not come"},
	{"seconds", 0, "S", "end after that time"},
};

const struct command lab_tunnel_verb = {
	.name = "tunnel",
	.within = "lab",
	.arguments = "INSIDE OUTSIDE",
	.summary = "Show datagrams inside a tunnel and the ones that carry them, at its end",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = watch_options,
	.options_n = sizeof(watch_options) / sizeof(watch_options[0]),
	.run = watch_run,
};
