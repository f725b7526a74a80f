#include "os/fd.h"
#include "os/sandbox_layers.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's ABI, in full up to version 6: the header of the build machine may be older than the
 * kernel that we run on. Each version only adds (Documentation/userspace-api/landlock.rst). */
struct ruleset {
	uint64_t files, net, scoped;
};
struct net_rule {
	uint64_t access, port;
};
enum { RULE_NET_PORT = 2 };
#define FS_TRUNCATE	    (UINT64_C(1) << 14)
#define FS_IOCTL_DEV	    (UINT64_C(1) << 15)
#define NET_BIND	    (UINT64_C(1) << 0)
#define NET_CONNECT	    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)
#define SCOPE_SIGNAL	    (UINT64_C(1) << 1)

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* All of ABI 1 but running programs. */
#define FS_WRITE                                                                                   \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                 \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                            \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                              \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |   \
	 FS_TRUNCATE)
#define FS_ALL                                                                                     \
	(FS_WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                    \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | FS_IOCTL_DEV)
/* What a rule for a thing that is not a directory may say. */
#define FS_OF_FILE                                                                                 \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

static uint64_t known_files(int abi)
{
	uint64_t files = FS_ALL;
	if (abi < 2)
		files &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi < 3)
		files &= ~FS_TRUNCATE;
	if (abi < 5)
		files &= ~FS_IOCTL_DEV;
	return files;
}

static enum err allow_path(int ruleset, const char *path, uint64_t access)
{
	struct stat st;
	AUTO_DONE(fd_done) int fd = open(path, O_PATH | O_CLOEXEC);
	/* What we may not even look at, we need no rule for. */
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? OK : err_errno();
	if (fstat(fd, &st) < 0)
		return err_errno();
	struct landlock_path_beneath_attr rule = {
		.allowed_access = S_ISDIR(st.st_mode) ? access : access & FS_OF_FILE,
		.parent_fd = fd};
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_errno();
	return OK;
}

static enum err allow_paths(int ruleset, const char *const *paths, uint64_t access)
{
	for (size_t i = 0; paths && paths[i]; i++)
		TRY(allow_path(ruleset, paths[i], access));
	return OK;
}

static enum err allow_ports(int ruleset, const uint16_t *ports, size_t ports_len, uint64_t access)
{
	for (size_t i = 0; i < ports_len; i++) {
		struct net_rule rule = {.access = access, .port = ports[i]};
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
			return err_errno();
	}
	return OK;
}

static enum err allow_all(int ruleset, const struct sandbox *s, uint64_t files, uint64_t net)
{
	TRY(allow_paths(ruleset, sandbox_system_paths, FS_READ & files));
	TRY(allow_paths(ruleset, sandbox_device_paths, FS_OF_FILE & files));
	TRY(allow_paths(ruleset, s->read_paths, FS_READ & files));
	TRY(allow_paths(ruleset, s->write_paths, FS_WRITE & files));
	if (net) {
		TRY(allow_ports(ruleset, s->tcp_bind_ports, s->tcp_bind_ports_len, NET_BIND));
		TRY(allow_ports(ruleset, s->tcp_connect_ports, s->tcp_connect_ports_len,
				NET_CONNECT));
	}
	return OK;
}

enum err sandbox_landlock(const struct sandbox *sandbox, struct sandbox_report *report)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	report->landlock_abi = abi > 0 ? (int)abi : 0;
	if (abi <= 0) /* not built in, or switched off */
		return OK;
	struct ruleset rules = {.files = known_files((int)abi)};
	size_t size = sizeof(rules.files);
	if (abi >= 4) {
		rules.net = sandbox->tcp_ports_limit ? NET_BIND | NET_CONNECT : 0;
		size += sizeof(rules.net);
	}
	if (abi >= 6) {
		rules.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size += sizeof(rules.scoped);
	}
	AUTO_DONE(fd_done) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (ruleset < 0)
		return err_errno();
	TRY(allow_all(ruleset, sandbox, rules.files, rules.net));
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_errno();
	sandbox_report_add(report, SANDBOX_LAYER_LANDLOCK);
	if (rules.net)
		sandbox_report_add(report, SANDBOX_LAYER_LANDLOCK_TCP);
	return OK;
}
