from kafka import KafkaConsumer

# Consumer group with 3 instances (run this on 3 separate processes)
consumer = KafkaConsumer(
    'orders',
    bootstrap_servers=['localhost:9092'],
    group_id='order-processors',  # Shared group ID
    auto_offset_reset='earliest'
)

for message in consumer:
    print(f"Consumer {consumer.config['client_id']} processing: {message.value}")
