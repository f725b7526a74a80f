#include "proxy/metrics.h"

#include "base/writer.h"
#include "proxy/count.h"
#include "proxy/end.h"

static const struct {
	unsigned index;
	const char *name, *help;
	bool gauge;
} counts[] = {
	{PROXY_COUNT_CONNECTIONS, "connections_total", "connections of clients accepted", false},
	{PROXY_COUNT_REFUSED, "connections_refused_total",
	 "connections refused by a limit or a rule, or of no client", false},
	{PROXY_COUNT_OPEN, "connections", "connections of clients open", true},
	{PROXY_COUNT_EXCHANGES, "requests_total", "requests begun", false},
	{PROXY_COUNT_ACTIVE, "requests_running", "requests that run", true},
	{PROXY_COUNT_BACK_CONNECTS, "server_connects_total", "connections to servers tried", false},
	{PROXY_COUNT_BACK_OPEN, "server_connections", "connections to servers open", true},
	{PROXY_COUNT_BACK_REUSED, "server_reused_total", "requests on a kept connection", false},
	{PROXY_COUNT_RETRIES, "retries_total", "requests sent again", false},
	{PROXY_COUNT_SPLICED_BYTES, "spliced_bytes_total", "octets moved within the kernel", false},
	{PROXY_COUNT_REQUEST_BYTES, "request_bytes_total", "octets of requests' bodies", false},
	{PROXY_COUNT_RESPONSE_BYTES, "response_bytes_total", "octets of answers' bodies", false},
	{PROXY_COUNT_HANDSHAKES, "handshakes_total", "handshakes of TLS with clients", false},
	{PROXY_COUNT_HANDSHAKES_RESUMED, "handshakes_resumed_total", "of them by a ticket", false},
	{PROXY_COUNT_TUNNELS, "tunnels_total", "tunnels begun", false},
	{PROXY_COUNT_RING_RECEIVED, "ring_received_total", "receives by io_uring, many at once",
	 false},
	{PROXY_COUNT_RING_SENT, "ring_sent_total", "sends by io_uring, many at once", false},
	{PROXY_COUNT_BUFFERS, "buffers", "buffers in use", true},
	{PROXY_COUNT_BUFFERS_REFUSED, "buffers_refused_total", "buffers that were not to be had",
	 false},
};

static void head(struct writer *w, const char *prefix, const char *name, const char *help,
		 bool gauge)
{
	write_format(w, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name,
		     gauge ? "gauge" : "counter");
}

void proxy_metrics_write(struct writer *w, const char *prefix,
			 uint64_t (*sum)(const void *arg, unsigned index), const void *arg)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		head(w, prefix, counts[i].name, counts[i].help, counts[i].gauge);
		write_format(w, "%s%s %llu\n", prefix, counts[i].name,
			     (unsigned long long)sum(arg, counts[i].index));
	}
	head(w, prefix, "ended_total", "requests that ended, by cause", false);
	for (unsigned i = 0; i < PROXY_CAUSES; i++)
		write_format(w, "%sended_total{cause=\"%s\"} %llu\n", prefix,
			     proxy_cause_text((enum proxy_cause)i),
			     (unsigned long long)sum(arg, PROXY_COUNT_CAUSE + i));
}
