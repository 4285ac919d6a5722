<?php
declare(strict_types=1);

/** What guests wrote, in the database that the cluster `db` exports. */
final class Entries
{
    private const NO_TABLE = '42S02';

    private ?PDO $written = null;

    /** Writes go to whoever takes them: in a copy that follows home's data, that is not who is read. */
    public function add(string $text): void
    {
        if ($text === '') {
            return;
        }
        $this->written = $this->open((string) getenv('DB_PRIMARY_HOST'));
        $this->written->exec(
            'CREATE TABLE IF NOT EXISTS entries (id INT AUTO_INCREMENT PRIMARY KEY, '
            . 'written TIMESTAMP DEFAULT CURRENT_TIMESTAMP, text VARCHAR(500) NOT NULL)'
        );
        $this->written->prepare('INSERT INTO entries (text) VALUES (?)')->execute([$text]);
    }

    /** The newest hundred. */
    public function all(): array
    {
        // Who has just written reads there, too, and so finds it.
        $database = $this->written ?? $this->open((string) getenv('DB_HOST'));
        try {
            $found = $database->query('SELECT written, text FROM entries ORDER BY id DESC LIMIT 100');
        } catch (PDOException $error) {
            if ($error->getCode() === self::NO_TABLE) {
                return [];
            }
            throw $error;
        }
        return $found->fetchAll(PDO::FETCH_ASSOC);
    }

    private function open(string $host): PDO
    {
        $address = sprintf(
            'mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4',
            $host,
            getenv('DB_PORT'),
            getenv('DB_DATABASE'),
        );
        return new PDO($address, getenv('DB_USERNAME'), getenv('DB_PASSWORD'), [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 3,
        ]);
    }
}
