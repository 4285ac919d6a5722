<?php

declare(strict_types=1);

/** The running copy of this application that answers: what it is called, where it runs, what it serves. */
final class Member
{
    private const VERSION = '1.0.0';
    private const REQUESTS = 'hello.requests';

    private function __construct(
        public readonly string $name,
        public readonly string $application,
        public readonly string $cluster,
        public readonly string $host,
        public readonly string $commit,
        public readonly int $requests,
    ) {
    }

    public static function fromEnvironment(): self
    {
        $folder = getenv('ALTOSTRATUS_ARTIFACT') ?: '';
        $file = "{$folder}/commit";
        $commit = $folder !== '' && is_readable($file) ? trim((string) file_get_contents($file)) : 'unknown';
        return new self(
            getenv('ALTOSTRATUS_MEMBER') ?: (string) gethostname(),
            getenv('ALTOSTRATUS_APPLICATION') ?: 'hello',
            getenv('ALTOSTRATUS_CLUSTER') ?: 'web',
            getenv('ALTOSTRATUS_HOST') ?: 'unknown',
            $commit,
            self::count(),
        );
    }

    /** @return array<string, int|string> */
    public function describe(): array
    {
        return [
            'member' => $this->name,
            'application' => $this->application,
            'cluster' => $this->cluster,
            'host' => $this->host,
            'commit' => $this->commit,
            'version' => self::VERSION,
            'php' => PHP_VERSION,
            'requests' => $this->requests,
        ];
    }

    public function shortCommit(): string
    {
        return substr($this->commit, 0, 10);
    }

    /** Requests this member has answered, kept in the memory its processes share. */
    private static function count(): int
    {
        if (!function_exists('apcu_enabled') || !apcu_enabled()) {
            return 1;
        }
        apcu_add(self::REQUESTS, 0);
        return (int) apcu_inc(self::REQUESTS);
    }
}
