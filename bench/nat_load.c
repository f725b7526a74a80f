/* The load of bench/nat: sends UDP frames of many flows into a device, from the kernel itself
 * (BPF_PROG_TEST_RUN with live frames), and counts what arrives at another, all on the core that it
 *is pinned to. Knows no translator and uses no code of ours that it measures.
 *
 *	nat_load [KEY=VALUE]...
 *	  from=NETNS:DEVICE to=NETNS:DEVICE   into the one, counted at the other
 *	  mac=MAC                    of whoever receives it first
 *	  target=ADDRESS             all go there, to port 9
 *	  hosts=ADDRESS,N            of that many sources, a power of two
 *	  inside=ADDRESS/BITS        who arrives with such a source was not translated
 *	  flows=N first=N            each sends a packet, which is answered; 0: none
 *	  new=N                      then, measured: N packets of flows that were not there before;
 *or seconds=S                  measured: packets of those flows in a scattered order
 *
 * Prints "key value" lines. cpu_ns is what this process has run, and this core's ksoftirqd: what
 *the kernel does for a frame on its way is done in one or the other. */
#include "bench/nat_load.h"
#include "bench/nat_core.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { BATCH = 64, TRIAL = 1 << 16, PACKETS_MAX = 1 << 30, STEP = 611953, TARGET_PORT = 9 };

extern const unsigned char nat_load_object[], nat_load_object_end[];

struct end {
	char netns[64], device[IFNAMSIZ];
	unsigned ifindex;
	struct bpf_link *link;
};

struct bench {
	struct end from, to;
	struct ether_addr mac;
	struct in_addr target, host_first, inside;
	unsigned hosts, inside_bits, flows, first, fresh;
	double seconds;
	struct bpf_object *object;
	int frame_fd;
	struct load *load;
	volatile struct seen *seen;
	struct core core;
};

static void die(const char *what)
{
	fprintf(stderr, "nat_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the command line ---- */

static void read_end(const char *text, struct end *ret)
{
	if (sscanf(text, "%63[^:]:%15s", ret->netns, ret->device) != 2) {
		die(text);
	}
}

static unsigned read_number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

/* ADDRESS and a number behind `mark`. */
static unsigned read_address(const char *text, char mark, struct in_addr *ret)
{
	char address[INET_ADDRSTRLEN] = "";
	const char *end = strchr(text, mark);
	size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
	if (len < sizeof(address)) {
		memcpy(address, text, len);
	}
	if (inet_pton(AF_INET, address, ret) != 1) {
		die(text);
	}
	return end != NULL ? read_number(end + 1) : 0;
}

static void read_word(struct bench *b, const char *word)
{
	const char *value = strchr(word, '=');
	size_t len = value != NULL ? (size_t)(value++ - word) : 0;
	if (len == 4 && strncmp(word, "from", len) == 0) {
		read_end(value, &b->from);
	} else if (len == 2 && strncmp(word, "to", len) == 0) {
		read_end(value, &b->to);
	} else if (len == 3 && strncmp(word, "mac", len) == 0) {
		struct ether_addr *mac = ether_aton(value);
		b->mac = mac != NULL ? *mac : b->mac;
	} else if (len == 6 && strncmp(word, "target", len) == 0) {
		(void)read_address(value, ' ', &b->target);
	} else if (len == 5 && strncmp(word, "hosts", len) == 0) {
		b->hosts = read_address(value, ',', &b->host_first);
	} else if (len == 6 && strncmp(word, "inside", len) == 0) {
		b->inside_bits = read_address(value, '/', &b->inside);
	} else if (len == 5 && strncmp(word, "flows", len) == 0) {
		b->flows = read_number(value);
	} else if (len == 5 && strncmp(word, "first", len) == 0) {
		b->first = read_number(value);
	} else if (len == 3 && strncmp(word, "new", len) == 0) {
		b->fresh = read_number(value);
	} else if (len == 7 && strncmp(word, "seconds", len) == 0) {
		b->seconds = strtod(value, NULL);
	} else {
		errno = EINVAL;
		die(word);
	}
}

/* ---- the frames ---- */

static uint32_t sum_of(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t word;
		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void make_headers(const struct bench *b, unsigned char frame[LOAD_FRAME])
{
	struct ether_header eth = {.ether_type = htons(ETHERTYPE_IP)};
	memcpy(eth.ether_dhost, &b->mac, ETH_ALEN);
	memset(eth.ether_shost, 0x02, ETH_ALEN);
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tot_len = htons(LOAD_FRAME - sizeof(eth)),
			   .frag_off = htons(IP_DF),
			   .ttl = 64,
			   .protocol = IPPROTO_UDP,
			   .daddr = b->target.s_addr};
	struct udphdr udp = {.dest = htons(TARGET_PORT),
			     .len = htons(LOAD_FRAME - sizeof(eth) - sizeof(ip))};
	memset(frame, 0, LOAD_FRAME);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	memcpy(frame + sizeof(eth) + sizeof(ip), &udp, sizeof(udp));
	memcpy(b->load->headers, frame, sizeof(b->load->headers));
	b->load->ip_sum = sum_of(&ip, sizeof(ip));
	b->load->udp_sum = sum_of(&udp, sizeof(udp)) + sum_of(&ip.daddr, sizeof(ip.daddr)) +
			   htons(IPPROTO_UDP) + udp.len;
	b->load->ifindex = b->from.ifindex;
	b->load->host_first = ntohl(b->host_first.s_addr);
	b->load->host_mask = b->hosts - 1;
	b->load->host_bits = (uint32_t)__builtin_ctz(b->hosts);
}

/* packets, from number `first` on in steps, round `end`. In one call, at whose end the kernel
 * sleeps. */
static void send_frames(const struct bench *b, unsigned packets, unsigned first, unsigned step,
			unsigned end)
{
	unsigned char frame[LOAD_FRAME];
	make_headers(b, frame);
	b->load->next = first;
	b->load->step = step;
	b->load->end = end;
	struct xdp_md context = {.data_end = LOAD_FRAME};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = LOAD_FRAME,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	if (bpf_prog_test_run_opts(b->frame_fd, &run) != 0) {
		die("BPF_PROG_TEST_RUN");
	}
}

/* ---- the devices ---- */

static void attach(struct bench *b, struct end *end, const char *program)
{
	if (!core_enter(end->netns)) {
		die(end->netns);
	}
	end->ifindex = if_nametoindex(end->device);
	struct bpf_program *p = bpf_object__find_program_by_name(b->object, program);
	end->link = end->ifindex != 0 ? bpf_program__attach_xdp(p, (int)end->ifindex) : NULL;
	if (end->link == NULL) {
		die(end->device);
	}
}

static void *map_memory(const struct bench *b, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(b->object, name);
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		die(name);
	}
	return memory;
}

static void open_programs(struct bench *b)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "nat_load");
	b->object = bpf_object__open_mem(nat_load_object,
					 (size_t)(nat_load_object_end - nat_load_object), &opts);
	if (b->object == NULL || bpf_object__load(b->object) != 0) {
		die("programs");
	}
	b->load = map_memory(b, "load");
	b->seen = map_memory(b, "seen");
	uint32_t mask = b->inside_bits != 0 ? htonl(0xffffffffu << (32 - b->inside_bits)) : 0;
	for (int i = 0; i < 2; i++) {
		b->seen[i].inside_mask = i == 0 && mask != 0 ? mask : 0xffffffffu;
		b->seen[i].inside = i == 0 ? b->inside.s_addr & mask : 0;
	}
	attach(b, &b->to, "sink");
	attach(b, &b->from, "sink_back"); /* and stays where frames are made */
	b->frame_fd = bpf_program__fd(bpf_object__find_program_by_name(b->object, "make_frame"));
}

static void establish(struct bench *b)
{
	b->seen[0].answers = b->seen[0].checks = b->seen[1].checks = 1;
	uint64_t packets = b->seen[0].packets;
	send_frames(b, b->flows, b->first, 1, b->first + b->flows);
	/* Once more: what is told apart by having spoken twice. */
	send_frames(b, b->flows, b->first, 1, b->first + b->flows);
	printf("established %llu\n", (unsigned long long)(b->seen[0].packets - packets));
	printf("answered %llu\n", (unsigned long long)b->seen[1].packets);
	printf("bad_checksum %llu\n",
	       (unsigned long long)(b->seen[0].bad_checksum + b->seen[1].bad_checksum));
	b->seen[0].answers = b->seen[0].checks = b->seen[1].checks = 0;
}

/* How many take b->seconds, by trying some. */
static unsigned packets_in(const struct bench *b, unsigned step)
{
	struct core_spent since = core_spent(&b->core);
	send_frames(b, TRIAL, 0, step, b->flows);
	struct core_spent now = core_spent(&b->core);
	double n = TRIAL * b->seconds * 1e9 / (double)(now.cpu_ns - since.cpu_ns);
	return n < PACKETS_MAX ? (unsigned)n : PACKETS_MAX;
}

int main(int argc, char **argv)
{
	static struct bench b;
	for (int i = 1; i < argc; i++) {
		read_word(&b, argv[i]);
	}
	open_programs(&b);
	if (!core_take(&b.core)) {
		die("SCHED_FIFO");
	}
	if (b.flows > 0) {
		establish(&b);
	}
	unsigned step = b.flows > STEP ? STEP : 1, sent = b.fresh;
	if (b.fresh == 0) {
		sent = packets_in(&b, step);
	}
	uint64_t packets = b.seen[0].packets, untranslated = b.seen[0].untranslated;
	struct core_spent since = core_spent(&b.core);
	if (b.fresh > 0) {
		send_frames(&b, sent, b.first, 1, b.first + b.fresh);
	} else {
		send_frames(&b, sent, b.load->next, step, b.flows);
	}
	core_show(&b.core, since, 0);
	printf("sent %u\n", sent);
	printf("arrived %llu\n", (unsigned long long)(b.seen[0].packets - packets));
	printf("untranslated %llu\n", (unsigned long long)(b.seen[0].untranslated - untranslated));
	return 0;
}
