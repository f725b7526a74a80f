#include "os/sandbox.h"

#include "base/reader.h"
#include "os/file.h"
#include "os/sandbox_layers.h"
#include "os/user.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static_assert(SANDBOX_CAP_NET_BIND_SERVICE == SANDBOX_CAP(CAP_NET_BIND_SERVICE) &&
		      SANDBOX_CAP_NET_ADMIN == SANDBOX_CAP(CAP_NET_ADMIN) &&
		      SANDBOX_CAP_NET_RAW == SANDBOX_CAP(CAP_NET_RAW) &&
		      SANDBOX_CAP_PERFMON == SANDBOX_CAP(CAP_PERFMON) &&
		      SANDBOX_CAP_BPF == SANDBOX_CAP(CAP_BPF),
	      "the kernel's numbers");

const char *const sandbox_system_paths[] = {"/usr",
					    "/lib",
					    "/lib32",
					    "/lib64",
					    "/libx32",
					    "/etc/ld.so.cache",
					    "/etc/ld.so.preload",
					    "/etc/nsswitch.conf",
					    "/etc/passwd",
					    "/etc/group",
					    "/etc/localtime",
					    "/etc/ssl/openssl.cnf",
					    "/proc/self",
					    NULL};
const char *const sandbox_device_paths[] = {"/dev/null", "/dev/urandom", NULL};

const char *sandbox_layer_name(enum sandbox_layer layer)
{
	static const char *const names[] = {"user",   "capabilities", "no-new-privileges",
					    "mounts", "landlock",     "landlock-tcp",
					    "seccomp"};
	static_assert(sizeof(names) / sizeof(names[0]) == SANDBOX_LAYERS, "a name for each");
	ASSERT(layer < SANDBOX_LAYERS);
	return names[layer];
}

/* ---- capabilities ---- */

struct capabilities {
	uint64_t effective, permitted;
};

static enum err capabilities_get(struct capabilities *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return err_errno();
	ret->effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	ret->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return OK;
}

static enum err capabilities_set(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	uint32_t low = (uint32_t)capabilities, high = (uint32_t)(capabilities >> 32);
	const struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low},
						       {.effective = high, .permitted = high}};
	return syscall(SYS_capset, &header, data) < 0 ? err_errno() : OK;
}

static bool has(const struct capabilities *c, int capability)
{
	return c->effective & SANDBOX_CAP(capability);
}

/* What exec could ever give back. Without CAP_SETPCAP it stays, and no-new-privileges stands in its
 * place. */
static enum err drop_bounding_set(const struct capabilities *c)
{
	if (!has(c, CAP_SETPCAP))
		return OK;
	for (unsigned long n = 0; prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0; n++)
		if (prctl(PR_CAPBSET_DROP, n, 0, 0, 0) < 0)
			return err_errno();
	return OK;
}

static enum err drop_capabilities(uint64_t keep, struct sandbox_report *report)
{
	struct capabilities c;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_errno();
	TRY(capabilities_get(&c));
	TRY(capabilities_set(c.permitted & keep));
	TRY(capabilities_get(&c));
	if (c.permitted & ~keep)
		return ERR_REFUSED;
	report->capabilities = c.effective;
	sandbox_report_add(report, SANDBOX_LAYER_CAPABILITIES);
	return OK;
}

/* ---- user ---- */

enum err sandbox_user_find(const char *name, struct user *ret)
{
	enum err e = user_find(name, ret);
	if (e == ERR_ABSENT && strcmp(name, SANDBOX_USER_DEFAULT) == 0)
		e = user_find("nobody", ret);
	return e;
}

/* Whether our user namespace has the user: the lab of an ordinary user has only root. */
static enum err is_mapped(uint32_t uid, bool *ret)
{
	char *map = NULL, *end = NULL;
	size_t len;
	enum err e = file_read("/proc/self/uid_map", 1 << 16, &map, &len);
	if (e) /* without /proc nobody made us a namespace either, or setresuid will tell */
		return *ret = true, e == (enum err)ENOENT ? OK : e;
	bool found = false;
	for (const char *at = map; *at; at = *end ? end + 1 : end) {
		unsigned long long first = strtoull(at, &end, 10);
		(void)strtoull(end, &end, 10);
		unsigned long long count = strtoull(end, &end, 10);
		found |= uid >= first && uid - first < count;
	}
	free(map);
	*ret = found;
	return OK;
}

/* As that user, for the length of one question. */
static bool may_read(struct user user, const char *path)
{
	gid_t groups[NGROUPS_MAX];
	int groups_n = getgroups(NGROUPS_MAX, groups);
	if (groups_n < 0 || setgroups(0, NULL) < 0)
		return true; /* the open itself will tell */
	bool may = true;
	if (setegid(user.gid) == 0 && seteuid(user.uid) == 0)
		may = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
	ASSERT(seteuid(0) == 0 && setegid(0) == 0 && setgroups((size_t)groups_n, groups) == 0);
	return may;
}

const char *sandbox_user_for(const char *user, const char *path)
{
	struct user found;
	bool mapped = false;
	if (!user_is_root() || strcmp(user, SANDBOX_USER_DEFAULT) != 0 ||
	    sandbox_user_find(user, &found) || is_mapped(found.uid, &mapped) || !mapped)
		return user;
	/* From the root on: what lies beside it may be named so, and is to be reached as well. */
	char whole[PATH_MAX];
	return may_read(found, realpath(path, whole) ? whole : path) ? user : "0";
}

static enum err change_user(const struct sandbox *sandbox)
{
	struct user user;
	bool mapped = false;
	if (!sandbox->user || !user_is_root())
		return OK;
	TRY(sandbox_user_find(sandbox->user, &user));
	TRY(is_mapped(user.uid, &mapped));
	if (!mapped)
		return OK;
	return user_become(user, true);
}

/* ---- the two steps ---- */

enum err sandbox_enter_early(const struct sandbox *sandbox, struct sandbox_report *report)
{
	struct capabilities before;
	TRY(capabilities_get(&before));
	if (has(&before, CAP_SYS_ADMIN) && sandbox->view != SANDBOX_VIEW_AS_IS) {
		enum err e = sandbox_view_enter(sandbox);
		/* A container may forbid mounts to its root. */
		if (e && e != (enum err)EPERM && e != (enum err)EACCES)
			return e;
		if (!e)
			sandbox_report_add(report, SANDBOX_LAYER_MOUNTS);
	}
	TRY(drop_bounding_set(&before));
	TRY(change_user(sandbox));
	TRY(drop_capabilities(sandbox->capabilities_keep, report));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno();
	sandbox_report_add(report, SANDBOX_LAYER_NO_PRIVILEGES);
	report->uid = geteuid();
	report->gid = getegid();
	if (report->uid != 0)
		sandbox_report_add(report, SANDBOX_LAYER_USER);
	return OK;
}

enum err sandbox_tighten(const struct sandbox *sandbox, struct sandbox_report *report)
{
	/* seccomp asks for it, and this step may be used without the first. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno();
	sandbox_report_add(report, SANDBOX_LAYER_NO_PRIVILEGES);
	TRY(sandbox_landlock(sandbox, report));
	enum err e = sandbox_seccomp(sandbox);
	if (!e)
		sandbox_report_add(report, SANDBOX_LAYER_SECCOMP);
	return e == ERR_UNSUPPORTED ? OK : e;
}
