<?php
declare(strict_types=1);

/** Visits, counted in the Redis that the cluster `counter` exports. */
final class Counter
{
    /** @var resource */
    private $connection;

    public function __construct()
    {
        // Every visit is written.
        $host = (string) getenv('COUNTER_PRIMARY_HOST');
        $connection = fsockopen($host, (int) getenv('COUNTER_PORT'), $code, $reason, 3);
        if ($connection === false) {
            throw new RuntimeException("no connection to the counter: $reason");
        }
        stream_set_timeout($connection, 3);
        $this->connection = $connection;
        $this->ask('AUTH', getenv('COUNTER_PASSWORD'));
    }

    /** Counts this visit too. */
    public function count(): int
    {
        return (int) $this->ask('INCR', 'visits');
    }

    private function ask(string ...$words): string
    {
        $request = '*' . count($words) . "\r\n";
        foreach ($words as $word) {
            $request .= '$' . strlen($word) . "\r\n$word\r\n";
        }
        fwrite($this->connection, $request);
        $line = (string) fgets($this->connection);
        if ($line === '' || $line[0] === '-') {
            throw new RuntimeException('the counter refuses: ' . trim(substr($line, 1)));
        }
        return trim(substr($line, 1));
    }
}
